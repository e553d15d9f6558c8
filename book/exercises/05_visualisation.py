# %% 05-1 right
skip = load_pretrained("skip")


def denoise_swapped(noisy: Tensor) -> Tensor:
    return 1 - skip(1 - noisy)


answer = denoise_swapped

# %% 05-1 as-it-is
answer = load_pretrained("skip")

# %% 05-1 not-swapped-back
skip = load_pretrained("skip")


def denoise_swapped(noisy: Tensor) -> Tensor:
    return skip(1 - noisy)


answer = denoise_swapped

# %% 05-1 only-swapped-back
skip = load_pretrained("skip")


def denoise_swapped(noisy: Tensor) -> Tensor:
    return 1 - skip(noisy)


answer = denoise_swapped


# %% 05-2 right
def neighbours(error: Tensor) -> float:
    product = error[..., 1:] * error[..., :-1]  # (B, 1, 28, 27)
    return (product.mean() / error.square().mean()).item()


answer = neighbours


# %% 05-2 wraps-around
def neighbours(error: Tensor) -> float:
    product = error.roll(1, dims=-1) * error
    return (product.mean() / error.square().mean()).item()


answer = neighbours


# %% 05-2 wrong-way
def neighbours(error: Tensor) -> float:
    product = error[..., 1:, :] * error[..., :-1, :]
    return (product.mean() / error.square().mean()).item()


answer = neighbours


# %% 05-2 not-divided
def neighbours(error: Tensor) -> float:
    return (error[..., 1:] * error[..., :-1]).mean().item()


answer = neighbours

# %% 05-3 right
skip, thirty = load_pretrained("skip"), pictures(test.sample(300))[:30]
strong = add_gaussian_noise(thirty, 1.5, torch.Generator().manual_seed(0))
answer = []
for divisor in (1, 1.25, 1.5, 2, 3):
    denoised = divisor * skip(strong / divisor)
    answer.append(psnr(denoised, thirty).mean().item())

# %% 05-3 not-multiplied
skip, thirty = load_pretrained("skip"), pictures(test.sample(300))[:30]
strong = add_gaussian_noise(thirty, 1.5, torch.Generator().manual_seed(0))
answer = []
for divisor in (1, 1.25, 1.5, 2, 3):
    answer.append(psnr(skip(strong / divisor), thirty).mean().item())

# %% 05-3 only-the-noise
skip, thirty = load_pretrained("skip"), pictures(test.sample(300))[:30]
sigmas = [1.5 / divisor for divisor in (1, 1.25, 1.5, 2, 3)]
answer = list(denoising_psnr(skip, thirty, sigmas).values())

# %% 05-3 dimmed-clean
skip, thirty = load_pretrained("skip"), pictures(test.sample(300))[:30]
strong = add_gaussian_noise(thirty, 1.5, torch.Generator().manual_seed(0))
answer = []
for divisor in (1, 1.25, 1.5, 2, 3):
    answer.append(psnr(skip(strong / divisor), thirty / divisor).mean().item())

# %% 05-4 right
skip, digit = load_pretrained("skip"), pictures(test)[:1]


def as_strong(noise: Tensor) -> Tensor:
    return 0.1 * noise / noise.square().mean().sqrt()


noise = as_strong(torch.randn(digit.shape, generator=torch.Generator().manual_seed(0)))
for _ in range(20):
    noise.requires_grad_()
    mse(skip(digit + noise), digit).sum().backward()
    # zh: 往误差变大的方向走 # en: to where the error grows
    noise = as_strong(noise.detach() + as_strong(noise.grad))
answer = noise

# %% 05-4 too-strong
answer = 0.3 * torch.randn(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))

# %% 05-4 random
noise = torch.randn(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
answer = 0.1 * noise / noise.square().mean().sqrt()

# %% 05-4 halfway
skip, digit = load_pretrained("skip"), pictures(test)[:1]
noise = 0.1 * torch.randn(digit.shape, generator=torch.Generator().manual_seed(0))
noise.requires_grad_()
mse(skip(digit + noise), digit).sum().backward()
answer = 0.1 * noise.grad / noise.grad.square().mean().sqrt()

# %% 05-4 harmless
skip, digit = load_pretrained("skip"), pictures(test)[:1]
noise = 0.1 * torch.randn(digit.shape, generator=torch.Generator().manual_seed(0))
for _ in range(5):
    noise.requires_grad_()
    mse(skip(digit + noise), digit).sum().backward()
    away = noise.grad / noise.grad.square().mean().sqrt()
    noise = noise.detach() - 0.02 * away
    noise = 0.1 * noise / noise.square().mean().sqrt()
answer = noise
