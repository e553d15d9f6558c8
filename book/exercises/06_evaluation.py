# %% 06-1 right
chosen_on = pictures(validation.sample(50))
answer = []
for sigma in (0.1, 0.25, 0.5, 1):
    seen = with_noise(chosen_on, sigma, seed=1)
    scores = {}
    for window in (1, 3, 5):
        size = (1, 1, window, window)  # zh: 不跨图，不跨通道 # en: within a picture
        denoised = torch.tensor(median_filter(seen.numpy(), size=size))
        scores[window] = psnr(denoised, chosen_on).mean().item()
    answer.append(max(scores, key=scores.get))

# %% 06-1 upside-down
chosen_on = pictures(validation.sample(50))
answer = []
for sigma in (0.1, 0.25, 0.5, 1):
    seen = with_noise(chosen_on, sigma, seed=1).numpy()
    scores = {}
    for window in (1, 3, 5):
        denoised = torch.tensor(median_filter(seen, size=(1, 1, window, window)))
        scores[window] = psnr(denoised, chosen_on).mean().item()
    answer.append(min(scores, key=scores.get))

# %% 06-1 across-pictures
answer = [1, 1, 3, 5]  # median_filter(…, size=window)

# %% 06-1 unclamped
chosen_on = pictures(validation.sample(50))
answer = []
for sigma in (0.1, 0.25, 0.5, 1):
    seen = with_noise(chosen_on, sigma, seed=1).numpy()
    scores = {}
    for window in (1, 3, 5):
        denoised = torch.tensor(median_filter(seen, size=(1, 1, window, window)))
        scores[window] = (denoised - chosen_on).square().mean().item()
    answer.append(min(scores, key=scores.get))

# %% 06-1 without-1
answer = [3, 3, 3, 5]

# %% 06-2 right
network, few = load_pretrained("skip"), clean[:100]
scores = [psnr(network(with_noise(few, 0.5, seed)), few) for seed in (0, 1)]
difference = scores[1] - scores[0]  # (100,)
answer = [difference.mean().item(), (difference.std() / len(few) ** 0.5).item()]

# %% 06-2 unpaired
network, few = load_pretrained("skip"), clean[:100]
first, second = (psnr(network(with_noise(few, 0.5, seed)), few) for seed in (0, 1))
error = ((first.var() + second.var()) / len(few)).sqrt()
answer = [second.mean() - first.mean(), error]

# %% 06-2 spread
network, few = load_pretrained("skip"), clean[:100]
first, second = (psnr(network(with_noise(few, 0.5, seed)), few) for seed in (0, 1))
answer = [(second - first).mean(), (second - first).std()]

# %% 06-2 divided-by-n
network, few = load_pretrained("skip"), clean[:100]
first, second = (psnr(network(with_noise(few, 0.5, seed)), few) for seed in (0, 1))
answer = [(second - first).mean(), (second - first).std() / len(few)]

# %% 06-3 right
from unetlib.baselines import blur

judge, labels = load_classifier(), torch.tensor(sample.labels[:500])
answer = []
for width in (0.5, 0.75, 1, 1.5, 2):
    blurred = blur(noisy[:500], width)
    read = judge(blurred.clamp(0, 1)).argmax(dim=1)
    answer.append((read == labels).float().mean().item())
    print(width, f"{answer[-1]:.1%}", f"{psnr(blurred, clean[:500]).mean():.1f} dB")

# %% 06-3 unclamped
from unetlib.baselines import blur

judge, labels = load_classifier(), torch.tensor(sample.labels[:500])
seen = noisy[:500]
reads = [judge(blur(seen, width)).argmax(dim=1) for width in (0.5, 0.75, 1, 1.5, 2)]
answer = [(read == labels).float().mean() for read in reads]

# %% 06-3 clamped-first
from unetlib.baselines import blur

judge, labels = load_classifier(), torch.tensor(sample.labels[:500])
seen = noisy[:500].clamp(0, 1)
reads = [judge(blur(seen, width)).argmax(dim=1) for width in (0.5, 0.75, 1, 1.5, 2)]
answer = [(read == labels).float().mean() for read in reads]

# %% 06-3 no-noise
from unetlib.baselines import blur

judge, labels = load_classifier(), torch.tensor(sample.labels[:500])
seen = clean[:500]
reads = [judge(blur(seen, width)).argmax(dim=1) for width in (0.5, 0.75, 1, 1.5, 2)]
answer = [(read == labels).float().mean() for read in reads]

# %% 06-3 confidence
from unetlib.baselines import blur

judge = load_classifier()
answer = []
for width in (0.5, 0.75, 1, 1.5, 2):
    sure, read = judge(blur(noisy[:500], width).clamp(0, 1)).softmax(dim=1).max(dim=1)
    answer.append(sure.mean())


# %% 06-4 right
def count_flips(denoise: Callable, clean: Tensor, labels: Tensor) -> Tensor:
    judge = load_classifier()

    def is_right(x: Tensor) -> Tensor:
        return judge(x.clamp(0, 1)).argmax(dim=1) == labels

    flips = torch.zeros(len(clean), dtype=torch.int)
    for seed in range(10):
        denoised = denoise(with_noise(clean, 0.75, seed))
        flips += is_right(clean) & ~is_right(denoised)
    return flips


answer = count_flips

# %% 06-4 one-noise
judge = load_classifier()


def answer(denoise, clean, labels):
    flips = torch.zeros(len(clean))
    for _ in range(10):
        denoised = denoise(with_noise(clean, 0.75)).clamp(0, 1)
        right, wrong = (
            judge(clean).argmax(1) == labels,
            judge(denoised).argmax(1) != labels,
        )
        flips += right & wrong
    return flips


# %% 06-4 wrong-when-clean
judge = load_classifier()


def answer(denoise, clean, labels):
    seen = [denoise(with_noise(clean, 0.75, seed)).clamp(0, 1) for seed in range(10)]
    return sum(judge(x).argmax(dim=1) != labels for x in seen)


# %% 06-4 per-draw
judge = load_classifier()


def answer(denoise, clean, labels):
    was_right, counts = judge(clean).argmax(dim=1) == labels, []
    for seed in range(10):
        denoised = denoise(with_noise(clean, 0.75, seed)).clamp(0, 1)
        counts.append((was_right & (judge(denoised).argmax(dim=1) != labels)).sum())
    return counts


# %% 06-4 not-denoised
judge = load_classifier()


def answer(denoise, clean, labels):
    was_right = judge(clean).argmax(dim=1) == labels
    seen = [with_noise(clean, 0.75, seed).clamp(0, 1) for seed in range(10)]
    return sum(was_right & (judge(x).argmax(dim=1) != labels) for x in seen)
