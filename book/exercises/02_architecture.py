# %% 02-1 right
answer = 0
for inputs, outputs in [
    (1, 28),
    (28, 56),
    (56, 112),
    (112 + 56, 56),  # zh: 上采样来的，加上跳过来的 # en: upsampled, and skipped
    (56 + 28, 28),
    (28, 1),
]:
    answer += 9 * inputs * outputs + outputs

# %% 02-1 without-biases
answer = 9 * (28 + 28 * 56 + 56 * 112 + 168 * 56 + 84 * 28 + 28)

# %% 02-1 without-skips
answer = 0
for inputs, outputs in [(1, 28), (28, 56), (56, 112), (112, 56), (56, 28), (28, 1)]:
    answer += 9 * inputs * outputs + outputs

# %% 02-2 right
way_back = ["conv", "conv", "up", "conv", "up"] + ["conv", "pool"] * 2 + ["conv"]


def rows_seen(row: int) -> tuple[int, int]:
    low = high = row
    for part in way_back:
        if part == "conv":
            low, high = low - 1, high + 1
        elif part == "up":
            low, high = low // 2, high // 2
        else:  # pool
            low, high = 2 * low, 2 * high + 1
    return max(low, 0), min(high, 27)  # zh: 再往外是填充的 0 # en: beyond is padding


answer = rows_seen

# %% 02-2 past-the-edge
way_back = ["conv", "conv", "up", "conv", "up"] + ["conv", "pool"] * 2 + ["conv"]


def rows_seen(row):
    low = high = row
    for part in way_back:
        if part == "conv":
            low, high = low - 1, high + 1
        elif part == "up":
            low, high = low // 2, high // 2
        else:
            low, high = 2 * low, 2 * high + 1
    return low, high


answer = rows_seen


# %% 02-2 moves-along
def answer(row):
    return max(row - 13, 0), min(row + 12, 27)


# %% 02-2 without-pooling
def answer(row):
    return max(row - 6, 0), min(row + 6, 27)


# %% 02-3 right
def convolve(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    height, width = x.shape[2:]
    x = pad(x, (1, 1, 1, 1))
    output = bias[:, None, None]  # (O, 1, 1)
    for i in range(3):
        for j in range(3):
            part = x[:, None, :, i : i + height, j : j + width]  # (B, 1, C, H, W)
            products = part * weight[:, :, i, j, None, None]  # (B, O, C, H, W)
            output = output + products.sum(dim=2)
    return output


answer = convolve


# %% 02-3 flipped
def answer(x, weight, bias):
    return conv2d(x, weight.flip(2, 3), bias, padding=1)


# %% 02-3 without-bias
def answer(x, weight, bias):
    return conv2d(x, weight, padding=1)


# %% 02-3 without-padding
def answer(x, weight, bias):
    return conv2d(x, weight, bias)


# %% 02-3 one-slice
def answer(x, weight, bias):
    return conv2d(x.sum(dim=1, keepdim=True), weight[:, :1], bias, padding=1)


# %% 02-4 right
class AddUnet(SkipUnet):
    def __init__(self) -> None:
        super().__init__()
        self.up2 = conv(112, 56)  # zh: 换掉读 168 个通道的 # en: instead of 168
        self.up1 = conv(56, 28)

    def forward(self, x: Tensor) -> Tensor:
        skip1 = self.down1(x)  # (B, 28, 28, 28)
        skip2 = self.down2(self.pool(skip1))  # (B, 56, 14, 14)
        x = self.bottleneck(self.pool(skip2))  # (B, 112, 7, 7)
        x = gelu(self.up2(interpolate(x, scale_factor=2)) + skip2)
        x = gelu(self.up1(interpolate(x, scale_factor=2)) + skip1)
        return self.end(x)


answer = AddUnet()

# %% 02-4 concatenates
answer = SkipUnet()


# %% 02-4 without-skips
class AddUnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.Sequential(
            *(conv(1, 28), nn.GELU(), nn.MaxPool2d(2)),
            *(conv(28, 56), nn.GELU(), nn.MaxPool2d(2)),
            *(conv(56, 112), nn.GELU()),
            *(nn.Upsample(scale_factor=2), conv(112, 56), nn.GELU()),
            *(nn.Upsample(scale_factor=2), conv(56, 28), nn.GELU()),
            conv(28, 1),
        )

    def forward(self, x):
        return self.parts(x)


answer = AddUnet()


# %% 02-4 one-skip
class AddUnet(SkipUnet):
    def __init__(self):
        super().__init__()
        self.up2, self.up1 = conv(112, 56), conv(56, 28)

    def forward(self, x):
        skip1 = self.down1(x)
        x = self.bottleneck(self.pool(self.down2(self.pool(skip1))))
        x = gelu(self.up2(interpolate(x, scale_factor=2)))
        x = gelu(self.up1(interpolate(x, scale_factor=2)) + skip1)
        return self.end(x)


answer = AddUnet()


# %% 02-4 left-over
class AddUnet(SkipUnet):
    def __init__(self):
        super().__init__()
        self.narrow2, self.narrow1 = conv(112, 56), conv(56, 28)

    def forward(self, x):
        skip1 = self.down1(x)
        skip2 = self.down2(self.pool(skip1))
        x = self.bottleneck(self.pool(skip2))
        x = gelu(self.narrow2(interpolate(x, scale_factor=2))) + skip2
        x = gelu(self.narrow1(interpolate(x, scale_factor=2))) + skip1
        return self.end(x)


answer = AddUnet()
