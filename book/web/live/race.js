// Networks against each other: a table of what each does on digits that none has seen.
export class Race {
  // table: one with a head; its rows are made here.
  constructor(table) {
    this.table = table;
    this.rows = new Map(); // name → PSNR in dB by noise level
  }

  // Again under the same name: what it does now. The best at the middle level comes first.
  enter(name, scores) {
    this.rows.set(name, scores);
    const order = [...this.rows].sort(([, a], [, b]) => b[1] - a[1]);
    this.table.tBodies[0].replaceChildren(...order.map(([who, row]) => {
      const line = document.createElement("tr");
      const head = document.createElement("th");
      Object.assign(head, { scope: "row", textContent: who });
      line.append(head, ...row.map((psnr) => {
        const cell = document.createElement("td");
        cell.textContent = psnr.toFixed(1);
        return cell;
      }));
      return line;
    }));
    this.table.hidden = false;
  }
}
