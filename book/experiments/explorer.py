"""How fast is the explorer? From a moved slider to the picture that answers it.

A real kernel runs both: `noise_explorer`, and the same pictures and numbers drawn with
matplotlib under `ipywidgets.interact`. This program is the browser: it sends the
message that a slider sends and takes the time until the picture has arrived, ours and
theirs in turn, so that whatever else slows the machine slows both.
Writes book/results/explorer.json.
"""

import json
import time
from importlib.metadata import version

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from measured import circumstances, quartiles, write_result

CHANGES = 200
WARM_UP = 10
SECONDS = 60  # more than any answer takes
PACKAGES = ("ipykernel", "ipywidgets", "matplotlib")
IN_THE_KERNEL = """
import json
import matplotlib.pyplot as plt
from ipywidgets import interact
from unetlib.metrics import psnr, ssim
from unetlib.display.widgets import noise_explorer

%matplotlib inline
ours = noise_explorer()
with_maps = noise_explorer(features=True)
drawn = noise_explorer()

def draw(sigma):
    panels = drawn.panels(sigma)
    clean = panels["clean"]
    figure, axes = plt.subplots(1, 4, figsize=(6.2, 2.2))
    for ax, (key, image) in zip(axes, panels.items()):
        ax.imshow(image[0, 0], cmap="gray", vmin=0, vmax=1)
        ax.set_title(key)
        if key != "clean":
            db, similar = psnr(image, clean).item(), ssim(image, clean).item()
            ax.set_xlabel(f"{db:.1f} dB\\nSSIM {similar:.2f}")
    residual = (panels["denoised"] - clean)[0, 0]
    axes[3].imshow(residual, cmap="RdBu_r", vmin=-1, vmax=1)
    axes[3].set_title("residual")
    for ax in axes:
        ax.set(xticks=[], yticks=[])
    plt.show()

theirs = interact(draw, sigma=(0.0, 1.0, 0.01)).widget
sliders = {"explorer": ours.sigma, "with_feature_maps": with_maps.sigma}
sliders["interact"] = theirs.children[0]
print(json.dumps({name: slider.model_id for name, slider in sliders.items()}))
"""


def run(client: BlockingKernelClient, code: str) -> str:
    """Execute `code` in the kernel; returns what it printed last."""
    printed: list[str] = []

    def keep(message: dict) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    reply = client.execute_interactive(code, timeout=SECONDS, output_hook=keep)
    if reply["content"]["status"] != "ok":
        raise RuntimeError("\n".join(reply["content"]["traceback"]))
    return printed[-1]


def has_picture(message: dict) -> bool:
    content = message["content"]
    if message["msg_type"] == "display_data":  # what matplotlib sends
        return "image/png" in content["data"]
    if message["msg_type"] == "comm_msg":  # what a widget sends
        return "image/png" in str(content["data"].get("state", {}).get("value"))
    return False


def milliseconds(client: BlockingKernelClient, slider: str, sigma: float) -> float:
    """From sending the slider's new value to receiving the picture."""
    data = {"method": "update", "state": {"value": sigma}, "buffer_paths": []}
    message = client.session.msg("comm_msg", {"comm_id": slider, "data": data})
    start = time.perf_counter()
    client.shell_channel.send(message)
    taken = None
    while True:  # until the kernel is idle again, so that the next one starts afresh
        answer = client.get_iopub_msg(timeout=SECONDS)
        if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            continue
        if taken is None and has_picture(answer):
            taken = 1000 * (time.perf_counter() - start)
        if answer["content"].get("execution_state") == "idle":
            break
    if taken is None:
        raise RuntimeError(f"sigma {sigma} was sent, but no picture came back")
    return taken


def main() -> None:
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        sliders = json.loads(run(client, IN_THE_KERNEL))
        taken: dict[str, list[float]] = {name: [] for name in sliders}
        for change in range(WARM_UP + CHANGES):
            sigma = 0.01 + (37 * change % 97) / 100  # never one twice in a row
            for name, slider in sliders.items():
                taken[name].append(milliseconds(client, slider, sigma))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    result = {name: quartiles(values[WARM_UP:]) for name, values in taken.items()}
    write_result(
        "explorer",
        {
            "what": "milliseconds from a slider's message to the kernel until the "
            "picture that answers it has arrived, all three in turn",
            "command": "python book/experiments/explorer.py",
            **circumstances(),
            "versions": {package: version(package) for package in PACKAGES},
            "milliseconds": result,
            "times_faster_than_interact": result["interact"]["median"]
            / result["explorer"]["median"],
        },
    )


if __name__ == "__main__":
    main()
