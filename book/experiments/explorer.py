"""How fast does the explorer of a notebook answer a moved slider?"""

import json
import time
from typing import TYPE_CHECKING

from experiment import Experiment, version_of
from race import quartiles

if TYPE_CHECKING:  # other experiments run where there is no such package
    from jupyter_client.blocking import BlockingKernelClient

WARM_UP = 10  # changes that do not count
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


@Experiment
def explorer(changes: int = 200) -> dict:
    """Milliseconds from a slider's message to the kernel to the picture that answers.

    A real kernel runs both: `noise_explorer`, and the same pictures and numbers drawn
    with matplotlib under `ipywidgets.interact`. This program is the browser: it sends
    what a slider sends and takes the time until the picture has arrived, all in turn,
    so that whatever else slows the machine slows them alike.
    """
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    try:
        sliders = json.loads(run(client, IN_THE_KERNEL))
        taken: dict[str, list[float]] = {name: [] for name in sliders}
        for change in range(WARM_UP + changes):
            sigma = 0.01 + (37 * change % 97) / 100  # never one twice in a row
            for name, slider in sliders.items():
                taken[name].append(milliseconds(client, slider, sigma))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    result = {name: quartiles(values[WARM_UP:]) for name, values in taken.items()}
    ours, theirs = result["explorer"]["median"], result["interact"]["median"]
    return {
        "versions": {package: version_of(package) for package in PACKAGES},
        "milliseconds": result,
        "times_faster_than_interact": theirs / ours,
    }


def run(client: "BlockingKernelClient", code: str) -> str:
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
        return any(kind.startswith("image/") for kind in content["data"])
    if message["msg_type"] == "comm_msg":  # what a widget sends
        return "image/png" in str(content["data"].get("state", {}).get("value"))
    return False


def milliseconds(client: "BlockingKernelClient", slider: str, sigma: float) -> float:
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
