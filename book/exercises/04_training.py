# %% after folder, data, exercise-3

# %% 04-1 right
pictures, draws = 55_000, 6 * 429 * 128
# zh: 每次抽样，某一幅落空的概率 # en: the chance that a draw misses a given picture
miss = 1 - 1 / pictures
answer = pictures * miss**draws

# %% 04-1 none
answer = 0

# %% 04-1 one-epoch
answer = 55_000 / np.e

# %% 04-1 seen
answer = 55_000 * (1 - np.exp(-6))

# %% 04-1 share
answer = np.exp(-6)

# %% 04-2 right weekly
from unetlib.metrics import denoising_psnr
from unetlib.recipe import ARTICLE_NOISE

report = torch.tensor(test.sample(200).images).unsqueeze(1) / 255


def trained_on(sigma):
    torch.manual_seed(0)
    model = Unet()
    recipe = replace(ARTICLE_NOISE, lr=2e-3, batch_size=32, epochs=2, sigma=sigma)
    fit(model, train.images[:160], recipe)
    return denoising_psnr(recipe.denoiser(model.eval()), report, [0.25, 0.5, 1.0])


one, many = trained_on((0.5, 0.5)), trained_on((0.0, 1.0))
answer = [one[sigma] - many[sigma] for sigma in one]

# %% 04-2 reversed
answer = [0.5, 0.0, 1.6]

# %% 04-2 same-recipe
answer = [0.0, 0.0, 0.0]

# %% 04-2 to-half
answer = [0.1, -0.5, -1.8]

# %% 04-2 against-noisy
answer = [4.9, 8.8, 7.3]

# %% 04-3 right
folder = runs / "parts"


def start() -> Unet:
    torch.manual_seed(0)
    return Unet()


def largest_difference(a, b) -> float:
    pairs = zip(a.parameters(), b.parameters(), strict=True)
    return max((p - q).abs().max().item() for p, q in pairs)


whole = start()
fit(whole, few[:2], short)
fit(start(), few[:2], short, folder=folder, stop_after=1, overwrite=True)

weights_only = Unet()
weights_only.load_state_dict(torch.load(folder / "unet_model.pth", weights_only=True))
fit(weights_only, few[:2], replace(short, epochs=2))

resumed = Unet()
fit(resumed, few[:2], short, folder=folder, resume=True)
answer = [largest_difference(network, whole) for network in (weights_only, resumed)]

# %% 04-3 other-start
whole, forgotten = Unet(), Unet()
fit(whole, few[:2], short)
fit(forgotten, few[:2], replace(short, epochs=2))
pairs = zip(whole.parameters(), forgotten.parameters(), strict=True)
answer = [max((p - q).abs().max().item() for p, q in pairs), 0.0]

# %% 04-3 no-difference
answer = [0.0, 0.0]

# %% 04-3 swapped
answer = [0.0, 0.027]

# %% 04-3 mean
answer = [0.006, 0.0]


# %% 04-4 right
class Shuffled:
    def __init__(self, images: Tensor, batch_size: int, seed: int) -> None:
        self.images, self.batch_size = images, batch_size
        self.generator = torch.Generator().manual_seed(seed)
        self.left = torch.arange(0)  # zh: 这一轮还没看的 # en: still to come this epoch

    def __next__(self) -> Tensor:
        if len(self.left) == 0:
            self.left = torch.randperm(len(self.images), generator=self.generator)
        chosen = self.left[: self.batch_size]
        self.left = self.left[self.batch_size :]
        return self.images[chosen]

    def state_dict(self) -> dict[str, Tensor]:
        return {"generator": self.generator.get_state(), "left": self.left}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.generator.set_state(state["generator"])
        self.left = state["left"]


answer = Shuffled


# %% 04-4 one-epoch
class Shuffled:
    def __init__(self, images, batch_size, seed):
        generator = torch.Generator().manual_seed(seed)
        self.images = images
        order = torch.randperm(len(images), generator=generator)
        self.batches = order.split(batch_size)
        self.taken = 0

    def __next__(self):
        if self.taken == len(self.batches):
            raise StopIteration
        self.taken += 1
        return self.images[self.batches[self.taken - 1]]

    def state_dict(self):
        return {"taken": self.taken}

    def load_state_dict(self, state):
        self.taken = state["taken"]


answer = Shuffled


# %% 04-4 same-order
class Shuffled:
    def __init__(self, images, batch_size, seed):
        generator = torch.Generator().manual_seed(seed)
        self.images = images
        order = torch.randperm(len(images), generator=generator)
        self.batches = order.split(batch_size)
        self.taken = 0

    def __next__(self):
        chosen = self.batches[self.taken % len(self.batches)]
        self.taken += 1
        return self.images[chosen]

    def state_dict(self):
        return {"taken": self.taken}

    def load_state_dict(self, state):
        self.taken = state["taken"]


answer = Shuffled


# %% 04-4 unseeded
class Shuffled:
    def __init__(self, images, batch_size, seed):
        self.images, self.batch_size = images, batch_size
        self.left = torch.arange(0)

    def __next__(self):
        if len(self.left) == 0:
            self.left = torch.randperm(len(self.images))
        chosen = self.left[: self.batch_size]
        self.left = self.left[self.batch_size :]
        return self.images[chosen]

    def state_dict(self):
        return {"left": self.left}

    def load_state_dict(self, state):
        self.left = state["left"]


answer = Shuffled


# %% 04-4 loses-place
class Shuffled:
    def __init__(self, images, batch_size, seed):
        self.images, self.batch_size = images, batch_size
        self.generator = torch.Generator().manual_seed(seed)
        self.left = torch.arange(0)

    def __next__(self):
        if len(self.left) == 0:
            self.left = torch.randperm(len(self.images), generator=self.generator)
        chosen = self.left[: self.batch_size]
        self.left = self.left[self.batch_size :]
        return self.images[chosen]

    def state_dict(self):  # zh: 和库里的一样 # en: as in the library
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state):
        self.generator.set_state(state["generator"])


answer = Shuffled


# %% 04-4 next-epoch
class Shuffled:
    def __init__(self, images, batch_size, seed):
        self.images, self.batch_size = images, batch_size
        self.generator = torch.Generator().manual_seed(seed)
        self.left = torch.arange(0)

    def __next__(self):
        if len(self.left) == 0:
            self.left = torch.randperm(len(self.images), generator=self.generator)
        chosen = self.left[: self.batch_size]
        self.left = self.left[self.batch_size :]
        return self.images[chosen]

    def state_dict(self):
        return {"left": self.left}

    def load_state_dict(self, state):
        self.left = state["left"]


answer = Shuffled


# %% 04-4 shared
class Shuffled:
    def __init__(self, images, batch_size, seed):
        self.images, self.batch_size = images, batch_size
        self.generator = torch.Generator().manual_seed(seed)
        self.left = []

    def __next__(self):
        if not self.left:
            order = torch.randperm(len(self.images), generator=self.generator)
            self.left += order.tolist()
        return self.images[[self.left.pop() for _ in range(self.batch_size)]]

    def state_dict(self):
        return {"generator": self.generator.get_state(), "left": self.left}

    def load_state_dict(self, state):
        self.generator.set_state(state["generator"])
        self.left = state["left"]


answer = Shuffled
