# %% after stronger, levels, sampler

# %% 09-1 right
gap = world - world.mean(dim=0)
answer = gap.square().sum(dim=(1, 2, 3)).mean().sqrt()

# %% 09-1 one-pixel
answer = (world - world.mean(dim=0)).square().mean().sqrt()

# %% 09-1 one-shade
answer = (world - world.mean()).square().sum(dim=(1, 2, 3)).mean().sqrt()

# %% 09-1 squared
answer = (world - world.mean(dim=0)).square().sum(dim=(1, 2, 3)).mean()

# %% 09-2 right
judge = load_classifier()


def pick(made: Tensor) -> Tensor:  # (N, 1, 28, 28) → (20, 1, 28, 28)
    sevens = judge(made).softmax(dim=1)[:, 7]
    return made[sevens.topk(20).indices]


answer = pick

# %% 09-2 logits
judge = load_classifier()


def pick(made: Tensor) -> Tensor:
    return made[judge(made)[:, 7].topk(20).indices]


answer = pick

# %% 09-2 any-digit
judge = load_classifier()


def pick(made: Tensor) -> Tensor:
    return made[judge(made).softmax(dim=1).amax(dim=1).topk(20).indices]


answer = pick

# %% 09-2 least
judge = load_classifier()


def pick(made: Tensor) -> Tensor:
    return made[judge(made).softmax(dim=1)[:, 7].argsort()[:20]]


answer = pick

# %% 09-3 right
known = torch.zeros(28, 28, dtype=torch.bool)
known[:14] = True
truth = clean[:8].repeat(3, 1, 1, 1)  # zh: 一次补 24 幅 # en: 24 at once


def fill(y: Tensor) -> Tensor:
    return torch.where(known, truth, network(y))


down = noise_levels(3.0, 8)  # zh: 少走几步，快一点 # en: fewer steps, to be faster
generator = torch.Generator().manual_seed(12)
filled = sample(fill, begin(24, seed=11), down, eta=1.0, generator=generator)
answer = filled.clamp(0, 1).unflatten(0, (3, 8))

# %% 09-3 upside-down
known = torch.zeros(28, 28, dtype=torch.bool)
known[14:] = True
truth = clean[:8].repeat(3, 1, 1, 1)


def fill(y: Tensor) -> Tensor:
    return torch.where(known, truth, network(y))


down = noise_levels(3.0, 8)
generator = torch.Generator().manual_seed(12)
filled = sample(fill, begin(24, seed=11), down, eta=1.0, generator=generator)
answer = filled.clamp(0, 1).unflatten(0, (3, 8))

# %% 09-3 at-once
known = torch.zeros(28, 28, dtype=torch.bool)
known[:14] = True
truth = clean[:8].repeat(3, 1, 1, 1)
filled = torch.where(known, truth, network(torch.where(known, truth, begin(24))))
answer = filled.clamp(0, 1).unflatten(0, (3, 8))

# %% 09-3 identical
known = torch.zeros(28, 28, dtype=torch.bool)
known[:14] = True
truth = clean[:8]


def fill(y: Tensor) -> Tensor:
    return torch.where(known, truth, network(y))


down = noise_levels(3.0, 8)
filled = {}
for time in ("1", "2", "3"):
    generator = torch.Generator().manual_seed(10)
    found = sample(fill, begin(8, seed=11), down, eta=1.0, generator=generator)
    filled[time] = found.clamp(0, 1)
answer = filled

# %% 09-3 too-late
known = torch.zeros(28, 28, dtype=torch.bool)
known[:14] = True
truth = clean[:8].repeat(3, 1, 1, 1)
down = noise_levels(3.0, 8)
generator = torch.Generator().manual_seed(12)
made = sample(network, begin(24, seed=11), down, eta=1.0, generator=generator)
answer = torch.where(known, truth, made.clamp(0, 1)).unflatten(0, (3, 8))


# %% 09-4 right
def ratios(asked: Tensor, clean: Tensor, best: Tensor) -> list[float]:
    def error(x: Tensor) -> float:
        return (x - clean).square().mean().item()

    return [error(asked[:, :k].mean(dim=1)) / error(best) for k in (1, 2, 4, 8, 12)]


answer = ratios


# %% 09-4 errors-averaged
def ratios(asked: Tensor, clean: Tensor, best: Tensor) -> list[float]:
    error = (best - clean).square().mean()
    off = (asked - clean.unsqueeze(1)).square()
    return [off[:, :k].mean() / error for k in (1, 2, 4, 8, 12)]


answer = ratios


# %% 09-4 decibels
def ratios(asked: Tensor, clean: Tensor, best: Tensor) -> list[float]:
    lost = [
        (psnr(best, clean) - psnr(asked[:, :k].mean(dim=1), clean)).mean().item()
        for k in (1, 2, 4, 8, 12)
    ]
    return [10 ** (db / 10) for db in lost]


answer = ratios


# %% 09-4 upside-down
def ratios(asked: Tensor, clean: Tensor, best: Tensor) -> list[float]:
    def error(x: Tensor) -> float:
        return (x - clean).square().mean().item()

    return [error(best) / error(asked[:, :k].mean(dim=1)) for k in (1, 2, 4, 8, 12)]


answer = ratios
