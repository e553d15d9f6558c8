# %% after goal, line, learning-digits

# %% 00-1 right
answer = list((denoised - clean[:, 0]).shape)

# %% 00-1 by-picture
answer = [8, 1, 28, 28]

# %% 00-1 fewer-dimensions
answer = [8, 28, 28]

# %% 00-1 error
answer = "error"


# %% 00-2 right
def gradually(images: Tensor) -> Tensor:
    count = len(images)
    strength = torch.linspace(0, 1, count).reshape(count, 1, 1, 1)
    return add_gaussian_noise(images, strength, torch.Generator().manual_seed(0))


answer = gradually


# %% 00-2 by-column
def gradually(images: Tensor) -> Tensor:
    strength = torch.linspace(0, 1, len(images))
    return add_gaussian_noise(images, strength, torch.Generator().manual_seed(0))


answer = gradually


# %% 00-2 first-changed
def gradually(images: Tensor) -> Tensor:
    count = len(images)
    strength = torch.linspace(0.1, 1.0, count).reshape(count, 1, 1, 1)
    return add_gaussian_noise(images, strength, torch.Generator().manual_seed(0))


answer = gradually


# %% 00-2 same-pattern
def gradually(images: Tensor) -> Tensor:
    strength = torch.linspace(0, 1, len(images))
    pairs = zip(images, strength, strict=True)
    return torch.stack(
        [add_gaussian_noise(x, s, torch.Generator().manual_seed(0)) for x, s in pairs]
    )


answer = gradually


# %% 00-2 only-eight
def gradually(images: Tensor) -> Tensor:
    strength = torch.linspace(0, 1, 8).reshape(8, 1, 1, 1)
    return add_gaussian_noise(images, strength, torch.Generator().manual_seed(0))


answer = gradually


# %% 00-3 right
def trained(sigma: float) -> Line:
    noisy = add_gaussian_noise(digits, sigma, torch.Generator().manual_seed(0))
    line = Line()
    optimizer = torch.optim.SGD(line.parameters(), lr=0.5)
    for _ in range(100):
        loss = (line(noisy) - digits).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return line


for sigma in (0.1, 1.0):
    print(f"{sigma}: {(digits.var() / (digits.var() + sigma**2)).item():.3f}")
answer = [trained(0.1).a.item(), trained(1.0).a.item()]

# %% 00-3 swapped
answer = [0.087, 0.904]

# %% 00-3 unfinished
answer = [0.893, 0.087]

# %% 00-3 old-noise
answer = [0.276, 0.276]

# %% 00-3 not-squared
answer = [(digits.var() / (digits.var() + sigma)).item() for sigma in (0.1, 1.0)]

# %% 00-4 right
conv = nn.Conv2d(1, 1, kernel_size=3, padding=1)
optimizer = torch.optim.SGD(conv.parameters(), lr=0.5)
for _ in range(40):
    loss = (conv(noisy_digits) - digits).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"{loss.item():.4f}", conv.weight.detach())
answer = conv

# %% 00-4 copies
conv = nn.Conv2d(1, 1, kernel_size=3, padding=1)
optimizer = torch.optim.SGD(conv.parameters(), lr=0.5)
for _ in range(40):
    loss = (conv(noisy_digits) - noisy_digits).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
answer = conv

# %% 00-4 unsettled
torch.manual_seed(0)
conv = nn.Conv2d(1, 1, kernel_size=3, padding=1)
optimizer = torch.optim.SGD(conv.parameters(), lr=0.5)
for _ in range(40):  # zh: 忘了清零 # en: gradients are never set to zero
    loss = (conv(noisy_digits) - digits).square().mean()
    loss.backward()
    optimizer.step()
answer = conv

# %% 00-4 one-pixel
answer = nn.Conv2d(1, 1, kernel_size=1)
