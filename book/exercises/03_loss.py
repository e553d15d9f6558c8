# %% after descend, descend-check

# %% 03-1 right
values = torch.tensor([0.0, 0.2, 1.0])
chances = torch.tensor([0.4, 0.3, 0.3])
a = torch.linspace(0, 1, 101)
apart = values - a[:, None]  # (101, 3)
squared = apart.square() @ chances  # (101,)
absolute = apart.abs() @ chances  # (101,)
answer = [a[squared.argmin()], a[absolute.argmin()]]

# %% 03-1 unweighted
values = torch.tensor([0.0, 0.2, 1.0])
answer = [values.mean(), values.median()]

# %% 03-1 same
mean = 0.4 * 0.0 + 0.3 * 0.2 + 0.3 * 1.0
answer = [mean, mean]

# %% 03-1 likeliest
values = torch.tensor([0.0, 0.2, 1.0])
chances = torch.tensor([0.4, 0.3, 0.3])
answer = [values @ chances, values[chances.argmax()]]

# %% 03-2 right
x, w1, b, w2, t = 2.0, 0.5, -1.2, 1.5, 0.4
a = w1 * x + b
h = max(0.0, a)
z = w2 * h + a
dz = 2 * (z - t)
dh = dz * w2
da = dh * 0 + dz  # zh: ReLU 的导数是 0；两条路相加 # en: ReLU gives 0; add both ways
answer = [da * x, da, dz * h]

# %% 03-2 dead
x, w1, b, w2, t = 2.0, 0.5, -1.2, 1.5, 0.4
a = w1 * x + b
h = max(0.0, a)
dz = 2 * (w2 * h + a - t)
da = dz * w2 * 0
answer = [da * x, da, dz * h]

# %% 03-2 open
x, w1, b, w2, t = 2.0, 0.5, -1.2, 1.5, 0.4
a = w1 * x + b
h = max(0.0, a)
dz = 2 * (w2 * h + a - t)
da = dz * w2 + dz
answer = [da * x, da, dz * h]

# %% 03-2 no-two
x, w1, b, w2, t = 2.0, 0.5, -1.2, 1.5, 0.4
a = w1 * x + b
h = max(0.0, a)
da = dz = w2 * h + a - t
answer = [da * x, da, dz * h]


# %% 03-3 right
def momentum(gradient, lr, steps):
    path, u = [0.0], 0.0
    for _ in range(steps):
        u = 0.9 * u + gradient(path[-1])
        path.append(path[-1] - lr * u)
    return path


ratio = 1.0
while abs(momentum(gradient, ratio * limit, 100)[-1]) < 10:
    ratio += 0.05
answer = (momentum, ratio)


# %% 03-3 averaged
def momentum(gradient, lr, steps):
    path, u = [0.0], 0.0
    for _ in range(steps):
        u = 0.9 * u + 0.1 * gradient(path[-1])
        path.append(path[-1] - lr * u)
    return path


answer = (momentum, 19.0)


# %% 03-3 forgotten
def momentum(gradient, lr, steps):
    path = [0.0]
    for _ in range(steps):
        u = 0.0
        u = 0.9 * u + gradient(path[-1])
        path.append(path[-1] - lr * u)
    return path


answer = (momentum, 1.0)


# %% 03-3 no-ratio
def momentum(gradient, lr, steps):
    path, u = [0.0], 0.0
    for _ in range(steps):
        u = 0.9 * u + gradient(path[-1])
        path.append(path[-1] - lr * u)
    return path


answer = (momentum, None)


# %% 03-3 smaller
def momentum(gradient, lr, steps):
    path, u = [0.0], 0.0
    for _ in range(steps):
        u = 0.9 * u + gradient(path[-1])
        path.append(path[-1] - lr * u)
    return path


answer = (momentum, 1 - 0.9)

# %% 03-4 right weekly
from unetlib import SkipUnet, denoising_psnr

levels = [0.1, 0.25, 0.5, 1.0]
scores = []
for p in (0, 1):
    torch.manual_seed(0)
    net = SkipUnet()
    step = TrainStep(net, replace(BOOK, sigma_weight=p), steps=100)
    batcher = Batcher(learning.images, batch_size=32, sigma=(0.0, 1.0), seed=0)
    for _ in range(100):
        step(*batcher.draw())
    scores.append(denoising_psnr(net, fresh, levels))
answer = [scores[1][sigma] - scores[0][sigma] for sigma in levels]

# %% 03-4 identical
answer = [0.0, 0.0, 0.0, 0.0]

# %% 03-4 reversed
answer = [-2.4, 0.1, 0.8, 0.6]

# %% 03-4 scores
answer = [26.2, 21.4, 17.3, 13.9]

# %% 03-4 continued
answer = [4.5, 1.1, 0.5, 0.2]
