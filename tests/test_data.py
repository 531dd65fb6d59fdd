"""MNIST bit for bit, and how data are split, batched and encoded."""

import hashlib

import numpy as np
import pytest

from companion.data import (
    MNIST,
    load_mnist_images,
    minibatches,
    one_hot,
    split,
)

PUBLISHED_MD5 = {  # of the four original files, uncompressed
    "train_images": "6bbc9ace898e44ae57da46a324031adb",
    "train_labels": "a25bea736e30d166cdddb491f175f624",
    "test_images": "2646ac647ad5339dbf082846283269ea",
    "test_labels": "27ae3e4e09519cfbb04c329615203637",
}


@pytest.fixture(scope="module")
def images():
    return load_mnist_images()


def idx(array):
    """Return the bytes of an IDX file: type and number of dimensions, the sizes, the values."""
    header = bytes([0, 0, 0x08, array.ndim])  # 0x08: unsigned bytes
    return header + np.array(array.shape, ">i4").tobytes() + array.tobytes()


class TestMNIST:
    @pytest.mark.parametrize("name", PUBLISHED_MD5)
    def test_is_the_published_one_bit_for_bit(self, images, name):
        assert hashlib.md5(idx(images[name])).hexdigest() == PUBLISHED_MD5[name]

    def test_shapes_and_types(self, mnist):
        (x_train, y_train), (x_test, y_test) = mnist
        assert (x_train.shape, x_test.shape) == ((60_000, 784), (10_000, 784))
        assert (y_train.shape, y_test.shape) == ((60_000,), (10_000,))
        assert x_train.dtype == x_test.dtype == np.float32
        assert y_train.dtype == y_test.dtype == np.int64
        assert (x_train.min(), x_train.max()) == (x_test.min(), x_test.max()) == (0, 1)

    def test_label_counts(self, mnist):
        (_, y_train), (_, y_test) = mnist
        train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
        np.testing.assert_array_equal(np.bincount(y_train), train)
        np.testing.assert_array_equal(np.bincount(y_test), test)
        first = np.bincount(y_train[:1000])
        assert (first[1], first[7], first[0]) == (116, 117, 97)

    def test_pixels_are_the_bytes_divided_by_255_row_by_row(self, mnist, images):
        (x_train, _), (x_test, _) = mnist
        np.testing.assert_array_equal(
            np.rint(x_train[7] * 255).reshape(28, 28), images["train_images"][7]
        )
        byte = images["test_images"][3, 10, 12]
        assert byte > 0
        assert x_test[3, 10 * 28 + 12] == np.float32(byte) / np.float32(255)

    def test_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"mnist\.npz is missing; .*git checkout"):
            load_mnist_images(tmp_path / "mnist.npz")

    @pytest.mark.parametrize("damage", ["empty", "cut", "one bit", "foreign"])
    def test_damaged_file(self, tmp_path, damage):
        content = bytearray(MNIST.read_bytes())
        if damage == "one bit":
            content[len(content) // 2] ^= 1
        path = tmp_path / "mnist.npz"
        path.write_bytes(
            {"empty": b"", "cut": content[:-1], "foreign": b"\x00" * 99}.get(damage, content)
        )
        with pytest.raises(ValueError, match="damaged: its SHA-256 must be 39b9b1ff") as caught:
            load_mnist_images(path)
        message = str(caught.value)
        assert str(path) in message
        assert hashlib.sha256(path.read_bytes()).hexdigest() in message
        assert "install the package again" in message

    def test_each_call_returns_its_own_arrays(self, images):
        images_again = load_mnist_images()
        assert not np.shares_memory(images["test_labels"], images_again["test_labels"])


class TestSplit:
    x, y = np.arange(40).reshape(20, 2), np.arange(20)

    @pytest.mark.parametrize("n_validation", [1, 6, 19])
    def test_parts_are_disjoint_and_complete(self, rng, n_validation):
        (x_train, y_train), (x_validation, y_validation) = split(self.x, self.y, n_validation, rng)
        assert (len(y_train), len(y_validation)) == (20 - n_validation, n_validation)
        np.testing.assert_array_equal(np.sort(np.concatenate([y_train, y_validation])), self.y)
        for x, y in ((x_train, y_train), (x_validation, y_validation)):
            np.testing.assert_array_equal(x, self.x[y])  # each sample kept its label

    def test_depends_on_the_generator(self):
        first, again, other = (
            split(self.x, self.y, 6, np.random.default_rng(seed))[1][1].tolist()
            for seed in (0, 0, 1)
        )
        assert first == again != other

    def test_leaves_the_data_alone(self, rng):
        (x_train, _), _ = split(self.x, self.y, 6, rng)
        x_train[:] = -1
        np.testing.assert_array_equal(self.x, np.arange(40).reshape(20, 2))


class TestMinibatches:
    @pytest.mark.parametrize(("n", "batch_size"), [(10, 3), (12, 4), (5, 5), (4, 1)])
    def test_every_sample_once(self, rng, n, batch_size):
        batches = list(minibatches(n, batch_size, rng))
        assert len(batches) == -(-n // batch_size)
        assert all(len(batch) == batch_size for batch in batches[:-1])
        np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(n))

    def test_order_is_random_and_repeatable(self):
        orders = [
            np.concatenate(list(minibatches(50, 8, np.random.default_rng(seed)))).tolist()
            for seed in (0, 0, 1)
        ]
        assert orders[0] == orders[1] != orders[2]
        assert orders[0] != sorted(orders[0])

    def test_a_second_epoch_has_another_order(self, rng):
        first, second = (np.concatenate(list(minibatches(50, 8, rng))).tolist() for _ in range(2))
        assert first != second


class TestOneHot:
    def test_by_hand(self):
        np.testing.assert_array_equal(
            one_hot(np.array([2, 0, 3]), classes=4), [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]
        )

    def test_ten_classes_unless_told(self):
        encoded = one_hot(np.arange(10))
        assert encoded.dtype == np.float64
        np.testing.assert_array_equal(encoded, np.eye(10))
