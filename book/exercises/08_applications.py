# %% after repair, scenes

# %% 08-1 right
weights = torch.tensor([0.299, 0.587, 0.114])
kept = weights.square().sum()  # zh: 方差剩下几分之几 # en: of the variance
answer = -10 * kept.log10()

# %% 08-1 thirds
answer = 10 * torch.tensor(3.0).log10()

# %% 08-1 unchanged
answer = -10 * torch.tensor(0.299 + 0.587 + 0.114).log10()

# %% 08-1 strength-as-power
answer = -10 * torch.tensor([0.299, 0.587, 0.114]).norm().log10()

# %% 08-1 falls
answer = 10 * torch.tensor([0.299, 0.587, 0.114]).square().sum().log10()

# %% 08-2 right
digits = to_tensor(test.images, "cpu") / 255
cat = torch.tensor(skimage.data.chelsea()).movedim(2, 0)[None] / 255
answer = [psnr(x[..., 1:], x[..., :-1]).mean() for x in (digits, cat)]

# %% 08-2 diagonal
digits = to_tensor(test.images, "cpu") / 255
cat = torch.tensor(skimage.data.chelsea()).movedim(2, 0)[None] / 255
answer = [psnr(x[..., 1:, 1:], x[..., :-1, :-1]).mean() for x in (digits, cat)]

# %% 08-2 two-apart
digits = to_tensor(test.images, "cpu") / 255
cat = torch.tensor(skimage.data.chelsea()).movedim(2, 0)[None] / 255
answer = [psnr(x[..., 2:], x[..., :-2]).mean() for x in (digits, cat)]

# %% 08-2 noisy
digits = to_tensor(test.images, "cpu") / 255
cat = torch.tensor(skimage.data.chelsea()).movedim(2, 0)[None] / 255
answer = []
for x, sigma in (digits, 0.5), (cat, 0.1):
    y = add_gaussian_noise(x, sigma, torch.Generator().manual_seed(0))
    answer.append(psnr(y[..., 1:], x[..., :-1]).mean())

# %% 08-3 right
part = clean[8:12]
known = torch.rand(part.shape, generator=torch.Generator().manual_seed(0)) < 0.25
seen = part * known
# zh: 每幅放八遍，噪声各不相同 # en: eight times, each with other noise
y, given = (x.repeat(8, 1, 1, 1) for x in (seen, known))
eight = repair(lambda z, sigma: torch.where(given, y, z), torch.where(given, y, 0.5))
answer = eight.unflatten(0, (8, 4)).mean(dim=0)

# %% 08-3 one-of-many
part = clean[8:12]
known = torch.rand(part.shape, generator=torch.Generator().manual_seed(0)) < 0.25
seen = part * known
answer = repair(
    lambda z, sigma: torch.where(known, seen, z), torch.where(known, seen, 0.5)
)

# %% 08-3 without-noise
part = clean[8:12]
known = torch.rand(part.shape, generator=torch.Generator().manual_seed(0)) < 0.25
seen = part * known
answer = torch.where(known, seen, 0.5)
for _ in LEVELS:
    answer = torch.where(known, seen, network(answer).clamp(0, 1))

# %% 08-3 data-lost
part = clean[8:12]
known = torch.rand(part.shape, generator=torch.Generator().manual_seed(0)) < 0.25
seen = part * known
answer = repair(lambda z, sigma: z, torch.where(known, seen, 0.5))


# %% 08-4 right
def mix(seen: Tensor, known: Tensor, z: Tensor, noise: float, sigma: float) -> Tensor:
    # zh: 各自的可信程度是方差的倒数 # en: each counts by one over its variance
    balance = (seen / noise**2 + z / sigma**2) / (1 / noise**2 + 1 / sigma**2)
    return torch.where(known, balance, z)


answer = mix


# %% 08-4 copied
def answer(seen, known, z, noise, sigma):
    return torch.where(known, seen, z)


# %% 08-4 swapped
def answer(seen, known, z, noise, sigma):
    balance = (noise**2 * seen + sigma**2 * z) / (noise**2 + sigma**2)
    return torch.where(known, balance, z)


# %% 08-4 not-squared
def answer(seen, known, z, noise, sigma):
    balance = (seen / noise + z / sigma) / (1 / noise + 1 / sigma)
    return torch.where(known, balance, z)


# %% 08-4 missing-as-black
def answer(seen, known, z, noise, sigma):
    return (seen / noise**2 + z / sigma**2) / (1 / noise**2 + 1 / sigma**2)


# %% 08-5 right weekly
class Segmenting(FastStep):
    def loss(self, noisy: Tensor, mask: Tensor, sigma: Tensor | None) -> Tensor:
        return cross_entropy(self.forward(noisy), mask)


def iou(found: Tensor, true: Tensor) -> float:
    return ((found & true).sum() / (found | true).sum()).item()


torch.manual_seed(0)
beginner = SkipUnet()
beginner.end = conv(28, 5)
step = Segmenting(beginner, BOOK, steps=250)
for index in range(250):
    step(*scenes(SOME, 32, seed=1000 + index))
with torch.no_grad():
    found = torch.cat([beginner(part) for part in noisy.split(50)]).argmax(dim=1)
each = [iou(found == kind, mask == kind) for kind in range(1, 5)]
answer = [iou(found > 0, mask > 0), sum(each) / 4]

# %% 08-5 from-skip
answer = [0.81, 0.75]

# %% 08-5 untrained
answer = [0.14, 0.03]

# %% 08-5 accuracy
answer = [0.965, 0.94]
