# %% after stopwatch

# %% 10-1 right
gelu, convolutions = 0.2, 0.7
answer = [
    1 / (1 - gelu),
    1 / (1 - convolutions / 2),
    1 / (1 - gelu - convolutions / 2),
]

# %% 10-1 multiplied
answer = [1 / (1 - 0.2), 1 / (1 - 0.35), 1 / (1 - 0.2) / (1 - 0.35)]

# %% 10-1 time-left
answer = [0.8, 0.65, 0.45]

# %% 10-1 convolutions-for-nothing
answer = [1 / (1 - 0.2), 1 / (1 - 0.7), 1 / (1 - 0.9)]

# %% 10-1 shares-added
answer = [1 + 0.2, 1 + 0.35, 1 + 0.2 + 0.35]


# %% 10-2 right
def counted(n: int) -> tuple[int, int]:
    """Operations and calls of a step with n pictures; prints the time of each."""
    batcher = Batcher(images, n, ARTICLE.scale)
    step = FastStep(Unet(), ARTICLE, steps=1000, speed=PLAIN)

    def take() -> Tensor:
        return step(*next(batcher))

    print(f"{n:2}: {1000 * measure(take) / n:.0f} µs")
    with FlopCounterMode(display=False) as counter:
        take()
    with profile() as profiler:
        take()
    calls = sum(event.count for event in profiler.key_averages())
    return counter.get_total_flops(), calls


one, _, many = (counted(n) for n in (1, 4, 32))
answer = [many[0] / one[0], many[1] / one[1]]

# %% 10-2 both-grow
answer = [32, 32]

# %% 10-2 a-picture
answer = [1, 1 / 32]

# %% 10-2 swapped
answer = [1, 32]

# %% 10-3 right
kept = [(1, 28, 28), (28, 56, 14), (56, 112, 7), (28, 1, 28)]
kept += [(56, 56, 14), (28, 28, 28)]  # zh: 跳过来的通道 # en: skipped channels
merged = [(112, 56, 14), (56, 28, 28)]  # zh: 上采样来的通道 # en: upsampled channels


def multiplications(layers: list[tuple[int, int, int]]) -> int:
    return sum(9 * c_in * c_out * side**2 for c_in, c_out, side in layers)


left = multiplications(kept) + 4 / 9 * multiplications(merged)
answer = left / multiplications(kept + merged)

# %% 10-3 no-skips
kept = 9 * (28 * 28**2 + 28 * 56 * 14**2 + 56 * 112 * 7**2 + 28 * 28**2)
merged = 9 * (112 * 56 * 14**2 + 56 * 28 * 28**2)
answer = (kept + 4 / 9 * merged) / (kept + merged)

# %% 10-3 skips-too
kept = 9 * (28 * 28**2 + 28 * 56 * 14**2 + 56 * 112 * 7**2 + 28 * 28**2)
merged = 9 * ((112 + 56) * 56 * 14**2 + (56 + 28) * 28 * 28**2)
answer = (kept + 4 / 9 * merged) / (kept + merged)

# %% 10-3 decoder-only
skipped = 9 * (56 * 56 * 14**2 + 28 * 28 * 28**2)
merged = 9 * (112 * 56 * 14**2 + 56 * 28 * 28**2)
answer = (skipped + 4 / 9 * merged) / (skipped + merged)

# %% 10-3 saved
answer = 1 - 0.6857

# %% 10-4 right weekly
from unetlib.data import split
from unetlib.metrics import denoising_psnr
from unetlib.model import SkipUnet
from unetlib.recipe import BOOK
from unetlib.speed.options import FAST

learning, watched = split(load_mnist()[0])
clean = torch.tensor(watched.images[:500]).unsqueeze(1).float() / 255


def trained(activation: nn.Module, steps: int = 100) -> SkipUnet:
    torch.manual_seed(0)
    model = SkipUnet()
    for block in (model.down1, model.down2, model.bottleneck, model.up2, model.up1):
        block[-1] = activation
    batcher = Batcher(learning.images, 32, BOOK.scale, BOOK.sigma)
    speed = replace(FAST, threads=False)  # zh: 剖析器只看得见主线程 # en: profiled
    step = FastStep(model, BOOK, steps, speed)

    def take() -> Tensor:
        return step(*next(batcher))

    milliseconds = measure(take, steps - 2)  # zh: 边训练边计时 # en: trains
    with profile() as profiler:
        take()  # zh: 最后一步 # en: the last step
    spent = {e.key: e.self_cpu_time_total for e in profiler.key_averages()}
    share = sum(t for key, t in spent.items() if "gelu" in key) / sum(spent.values())
    psnr_db = denoising_psnr(model, clean, [0.5])[0.5]
    print(f"{activation}: {milliseconds:.0f} ms, GELU {share:.0%}, {psnr_db:.2f} dB")
    return model


trained(nn.GELU())
answer = trained(nn.ReLU())

# %% 10-4 gelu-left
from unetlib.model import SkipUnet

model = SkipUnet()
for block in (model.down1, model.down2, model.bottleneck):
    block[-1] = nn.ReLU()
answer = model

# %% 10-4 swapped
from unetlib import load_pretrained

answer = load_pretrained("skip").network
blocks = (answer.down1, answer.down2, answer.bottleneck, answer.up2, answer.up1)
for block in blocks:
    block[-1] = nn.ReLU()

# %% 10-4 untrained
from unetlib.model import SkipUnet

answer = SkipUnet()
for block in (answer.down1, answer.down2, answer.bottleneck, answer.up2, answer.up1):
    block[-1] = nn.ReLU()
