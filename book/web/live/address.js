// What the reader has chosen, in the page's address: for a teacher to pass on.

// key: the part's own in the address.
export function writeAddress(key, values) {
  const address = new URL(location);
  address.searchParams.set(key, new URLSearchParams(values));
  history.replaceState(history.state, "", address);
}

// Set the controls as the address says; what they cannot be is left alone.
export function readAddress(key, controls, names) {
  const given = new URLSearchParams(new URL(location).searchParams.get(key) ?? "");
  for (const [name, value] of given) {
    if (!names.includes(name)) continue;
    const control = controls[name];
    if (control.options && ![...control.options].some((o) => o.value === value)) continue;
    if (control.type === "checkbox") control.checked = value === "true";
    else control.value = value;
  }
}
