"""What figures and sliders say, in Chinese and English.

`use_language("zh")` chooses once per notebook; `label("noisy")` gives the word. The
Chinese comes in a small subset of Noto Sans SC (SIL Open Font License, in `fonts/`)
that holds exactly the characters below: after adding one, run `make font`.
"""

from pathlib import Path

import matplotlib
from matplotlib import font_manager

from unetlib.checks import UnetlibError

FONT = Path(__file__).parent / "fonts" / "NotoSansSC-subset.ttf"
LABELS = {  # key: (Chinese, English)
    # pictures
    "clean": ("干净", "clean"),
    "noisy": ("加噪", "noisy"),
    "denoised": ("去噪", "denoised"),
    "output": ("输出", "output"),
    "input": ("输入", "input"),
    "target": ("目标", "target"),
    "residual": ("残差", "residual"),
    "noise": ("噪声", "noise"),
    "gaussian_filter": ("高斯滤波", "Gaussian filter"),
    # networks, as the weights are named
    "article": ("Unet，训练不加噪声", "Unet, trained without noise"),
    "article-noise": ("Unet，训练加噪声", "Unet, trained with noise"),
    "skip": ("跳跃连接 U-Net", "skip U-Net"),
    # axes
    "sigma": ("噪声水平 σ", "noise level σ"),
    "psnr": ("峰值信噪比（dB）", "PSNR (dB)"),
    "loss": ("损失", "loss"),
    "epoch": ("轮", "epoch"),
    "step": ("步", "step"),
    "pixel_value": ("像素值", "pixel value"),
    "count": ("个数", "count"),
    "lr": ("学习率", "learning rate"),
    "filter_width": ("滤波宽度（像素）", "filter width (pixels)"),
    # the U
    "encoder": ("编码器", "encoder"),
    "decoder": ("解码器", "decoder"),
    "bottleneck": ("瓶颈层", "bottleneck"),
    "skip_connection": ("跳跃连接", "skip connection"),
    "convolution": ("卷积", "convolution"),
    "pooling": ("池化", "pooling"),
    "upsampling": ("上采样", "upsampling"),
    "receptive_field": ("感受野", "receptive field"),
    "without_skips": ("切断跳跃连接", "skips cut"),
    "without_bottleneck": ("切断瓶颈层", "bottleneck cut"),
    # losses and functions
    "slope": ("斜率", "slope"),
    "linear": ("线性", "linear"),
    "no_noise": ("不加噪声", "no noise"),
    "with_noise": ("加噪声", "noise added"),
    # training
    "every_step": ("每一步", "every step"),
    "mean_of_ten": ("10 步平均", "mean of 10 steps"),
    "average_digit": ("平均图", "average digit"),
    "trained_without": ("训练时不加噪声", "trained without noise"),
    "trained_with": ("训练时加噪声", "trained with noise"),
    "fixed_noise": ("噪声固定", "fixed noise"),
    "fresh_noise": ("每步新噪声", "fresh noise"),
    # speed
    "ms_per_step": ("每步毫秒", "milliseconds a step"),
    "article_loop": ("那篇文章的循环", "the article's loop"),
    "indexed": ("整批索引", "indexed batches"),
    "kept_memory": ("留住内存", "memory kept"),
    "channels_last": ("通道放在最后", "channels last"),
    "composed": ("上采样并入卷积", "upsampling composed"),
    "fused": ("Adam 合成一次调用", "Adam in one call"),
    "at_least": ("机器的极限", "the machine's limit"),
    # sliders
    "digit": ("第几个数字", "which digit"),
    "model": ("网络", "network"),
    "new_noise": ("换一份噪声", "new noise"),
    "gaussian": ("高斯噪声", "Gaussian"),
    "salt_and_pepper": ("椒盐噪声", "salt and pepper"),
    "speckle": ("斑点噪声", "speckle"),
}
LANGUAGES = ("zh", "en")
_current = {"language": "en"}


def use_language(language: str) -> None:
    """Let figures and sliders speak Chinese ("zh") or English ("en") from now on.

    Raises UnetlibError for another language.
    """
    if language not in LANGUAGES:
        raise UnetlibError(f'language must be "zh" or "en", got {language!r}')
    _current["language"] = language
    font_manager.fontManager.addfont(FONT)
    # Chinese first: otherwise labels that mix it with $math$ show empty boxes.
    matplotlib.rcParams["font.family"] = ["Noto Sans SC", "DejaVu Sans"]
    matplotlib.rcParams["axes.unicode_minus"] = False


def label(key: str) -> str:
    """The words for `key` in the current language.

    A key that is not in LABELS comes back as it is: names and formulas need no
    translation.
    """
    if key not in LABELS:
        return key
    return LABELS[key][LANGUAGES.index(_current["language"])]
