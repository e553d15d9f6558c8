"""The same task on JAX: in Keras, and in JAX alone. See `frameworks.py`."""

import os
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from race import Track, Turns
from training_loops import STEPS_WITHOUT_END, digits, scaled, seeded

from unetlib.recipe import ARTICLE

SCANNED = 50  # steps that JAX does in one call on a GPU
# Or JAX, behind Keras too, takes most of a GPU's memory, where others race as well.
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"


def keras(track: Track, turns: Turns, bfloat16: bool = False) -> None:
    os.environ["KERAS_BACKEND"] = "jax"
    import keras
    from keras import layers, ops

    class TakeTurns(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict) -> None:
            turns(logs["loss"])

    if bfloat16:
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    conv = partial(layers.Conv2D, kernel_size=3, padding="same", activation="gelu")
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *(conv(32), layers.MaxPooling2D(2)),
            *(conv(64), layers.MaxPooling2D(2)),
            conv(128),
            *(layers.UpSampling2D(2), conv(64)),
            *(layers.UpSampling2D(2), conv(32)),
            conv(1, activation="tanh", dtype="float32"),
        ]
    )
    model.set_weights([array for pair in _weights() for array in pair])
    model.compile(
        optimizer=keras.optimizers.Adam(ARTICLE.lr, epsilon=1e-8),
        loss=lambda x, y: ARTICLE.loss_factor * ops.sum(ops.square(y - x)),
    )
    images = scaled(digits()).transpose(0, 2, 3, 1)  # (N, 28, 28, 1)
    train = partial(
        model.fit, batch_size=track.batch_size, verbose=0, callbacks=[TakeTurns()]
    )
    first = images[: track.batch_size]
    train(first, first, epochs=2)
    train(images, images, epochs=STEPS_WITHOUT_END)


def jax(track: Track, turns: Turns) -> None:
    """A function from state to state, compiled as one; on a GPU, many steps as one."""
    import jax

    step = _jax_step()
    images = jax.numpy.asarray(digits()[..., None])  # (N, 28, 28, 1) uint8

    def drawn(state: tuple, key: Any) -> tuple:
        chosen = jax.random.randint(key, (track.batch_size,), 0, len(images))
        return step(state, images[chosen] * ARTICLE.scale)

    parameters = jax.tree.map(jax.numpy.asarray, _weights())
    zeros = jax.tree.map(jax.numpy.zeros_like, parameters)
    state = (parameters, zeros, jax.tree.map(jax.numpy.copy, zeros), 0)
    first = images[: track.batch_size] * ARTICLE.scale
    for _ in range(2):
        state, loss = jax.jit(step)(state, first)
        turns(loss)
    one = jax.jit(drawn, donate_argnums=0)
    many = jax.jit(lambda state, keys: jax.lax.scan(drawn, state, keys))
    for seed in count():
        key = jax.random.key(seed)
        if track.device == "cuda":  # on a CPU its convolutions crawl inside a loop
            state, losses = many(state, jax.random.split(key, SCANNED))
            turns(losses[-1], SCANNED)
        else:
            state, loss = one(state, key)
            turns(loss)


def _jax_step() -> Any:
    """One step of `Unet` under Adam: (state, clean) → (state, loss)."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    def conv(x: Any, weight_and_bias: tuple) -> Any:
        weight, bias = weight_and_bias
        layout = ("NHWC", "HWIO", "NHWC")
        return (
            lax.conv_general_dilated(x, weight, (1, 1), "SAME", None, None, layout)
            + bias
        )

    def pool(x: Any) -> Any:
        size = (1, 2, 2, 1)
        return lax.reduce_window(x, -jnp.inf, lax.max, size, size, "VALID")

    def upsample(x: Any) -> Any:
        return x.repeat(2, axis=1).repeat(2, axis=2)

    def loss(parameters: list, clean: Any) -> Any:
        gelu = partial(jax.nn.gelu, approximate=False)
        down1, down2, latent, up2, up1, end = parameters
        x = pool(gelu(conv(clean, down1)))
        x = pool(gelu(conv(x, down2)))
        x = gelu(conv(x, latent))
        x = gelu(conv(upsample(x), up2))
        x = gelu(conv(upsample(x), up1))
        output = jnp.tanh(conv(x, end))
        return ARTICLE.loss_factor * jnp.square(output - clean).sum()

    def step(state: tuple, clean: Any) -> tuple:
        parameters, mean, square, n = state
        value, gradient = jax.value_and_grad(loss)(parameters, clean)
        n = n + 1
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
        square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, square, gradient)

        def updated(p: Any, m: Any, s: Any) -> Any:
            root = jnp.sqrt(s / (1 - 0.999**n)) + 1e-8
            return p - ARTICLE.lr * m / (1 - 0.9**n) / root

        parameters = jax.tree.map(updated, parameters, mean, square)
        return (parameters, mean, square, n), value

    return step


def _weights() -> list[tuple[np.ndarray, np.ndarray]]:
    """Weight (3, 3, I, O) and bias of each convolution, as Keras and JAX want them."""
    parameters = [p.detach().numpy() for p in seeded().parameters()]
    return [
        (weight.transpose(2, 3, 1, 0), bias)
        for weight, bias in zip(parameters[::2], parameters[1::2], strict=True)
    ]
