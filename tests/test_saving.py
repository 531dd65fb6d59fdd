"""Save and load: equal to the bit, whole or not at all, and safe with any file."""

import io
import json
import os
import pickle
import re
import sys
import zipfile

import numpy as np
import pytest

from companion.layers import BatchNorm, Dense, Dropout, ReLU, Sigmoid, Tanh
from companion.losses import softmax_cross_entropy
from companion.network import FORMAT, Network, load_network, mlp
from companion.optimizers import Adam
from companion.training import fit


def every_layer(dtype, rng):
    layers = [Dense(3, 4), BatchNorm(4, eps=1e-3, momentum=0.5), ReLU(), Dropout(0.25, rng)]
    layers += [Dense(4, 5), Tanh(), Dense(5, 4), Sigmoid(), Dense(4, 2)]
    return Network(layers, dtype, rng)


def train(network, rng):
    x, labels = rng.normal(size=(20, 3)), rng.integers(0, 2, 20)
    fit(network, softmax_cross_entropy, Adam(), x, labels, epochs=2, batch_size=5, rng=rng)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.npz"


@pytest.fixture
def saved(path, rng):
    """A trained network and the file it was saved to."""
    network = every_layer(np.float64, rng)
    train(network, rng)
    network.save(path)
    return network, path


class TestRoundTrip:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_every_layer_comes_back_equal_to_the_bit(self, path, rng, dtype):
        network = every_layer(dtype, rng)
        train(network, rng)
        network.save(path)
        loaded = load_network(path)
        x = rng.normal(size=(7, 3))
        assert loaded.forward(x).tobytes() == network.forward(x).tobytes()
        assert (loaded.dtype, loaded.decayed) == (network.dtype, network.decayed)
        assert loaded.params.tobytes() == network.params.tobytes()
        for old, new in zip(network.layers, loaded.layers, strict=True):
            assert type(old) is type(new)
            for name in old.arguments + old.state:
                np.testing.assert_array_equal(getattr(new, name), getattr(old, name), name)
            for name in old.state:
                assert getattr(new, name).dtype == dtype

    def test_a_loaded_network_trains_on_as_the_original_does(self, saved):
        network, path = saved
        network.layers[3].rng = np.random.default_rng(5)
        loaded = load_network(path, rng=np.random.default_rng(5))
        for each in (network, loaded):
            train(each, np.random.default_rng(6))
        np.testing.assert_array_equal(loaded.params, network.params)
        x = np.random.default_rng(7).normal(size=(4, 3))
        np.testing.assert_array_equal(loaded.forward(x), network.forward(x))

    def test_dropout_needs_a_generator_only_to_train(self, saved):
        loaded = load_network(saved[1])
        loaded.forward(np.zeros((2, 3)))
        with pytest.raises(TypeError, match=r"Dropout's rng must be a numpy\.random\.Generator"):
            loaded.forward(np.zeros((2, 3)), training=True)

    @pytest.mark.parametrize("as_path", [str, lambda path: path], ids=["str", "Path"])
    def test_the_file_has_exactly_the_name_asked_for(self, tmp_path, rng, as_path):
        path = tmp_path / "weights of mine"
        mlp([2, 2], rng=rng).save(as_path(path))
        assert os.listdir(tmp_path) == [path.name]
        load_network(as_path(path))

    def test_sizes_that_numpy_counted_are_saved_too(self, path, rng):
        sizes = np.array([3, 4, 2])
        mlp(list(sizes), dropout=np.float32(0.5), batch_norm=True, rng=rng).save(path)
        assert load_network(path).n_in == 3

    def test_the_file_holds_no_pickle(self, saved):
        with np.load(saved[1], allow_pickle=False) as file:
            assert {file[name].dtype.kind for name in file.files} <= set("fU")


class TestWriting:
    @pytest.mark.parametrize("broken", ["savez", "replace"])
    def test_an_error_leaves_the_old_file(self, saved, monkeypatch, broken):
        """A full disk after half of the bytes, or a refused rename."""
        network, path = saved
        before = path.read_bytes()

        def fail(file, *arguments, **arrays):
            if broken == "savez":
                file.write(before[: len(before) // 2])
            raise OSError("no space left on device")

        monkeypatch.setattr(*{"savez": (np, "savez"), "replace": (os, "replace")}[broken], fail)
        network.params[:] = 0.0
        with pytest.raises(OSError, match="no space left"):
            network.save(path)
        assert path.read_bytes() == before

    def test_overwrites_an_older_file(self, saved):
        network, path = saved
        network.params[:] = 0.5
        network.save(path)
        assert np.all(load_network(path).params == 0.5)
        assert os.listdir(path.parent) == [path.name]


def check_refused(path):
    """Loading must raise a ValueError that names the file and says what was expected."""
    expected = re.escape(f"{path} must be a whole file written by network.save")
    with pytest.raises(ValueError, match=expected):
        load_network(path)


def test_a_missing_file_is_missing(path):
    with pytest.raises(FileNotFoundError, match=r"network\.npz"):
        load_network(path)


class TestDamagedFile:
    @pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.5, 0.9, 0.99])
    def test_cut_short(self, saved, share):
        _, path = saved
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        check_refused(path)

    def test_any_byte_changed_gives_an_error_or_does_no_harm(self, path, rng):
        """Some bytes (a date, a comment) carry nothing; a change of all others is found."""
        network = Network([Dense(2, 2), BatchNorm(2)], rng=rng)
        network.save(path)
        content, x = path.read_bytes(), rng.normal(size=(3, 2))
        outputs = network.forward(x)
        refused = 0
        for place in range(0, len(content), 3):
            damaged = bytearray(content)
            damaged[place] ^= (0x01, 0x08, 0x80, 0xFF)[place % 4]
            path.write_bytes(damaged)
            try:
                loaded = load_network(path)
            except ValueError:
                refused += 1
            else:
                np.testing.assert_array_equal(loaded.forward(x), outputs)
        assert refused > len(content) / 3 / 2  # more than half of the places

    @pytest.mark.parametrize("flag", ["encrypted", "compressed by a method of the future"])
    def test_zip_flags_changed(self, saved, flag):
        """In the central directory: flags at byte 8 of an entry, the method at byte 10."""
        _, path = saved
        content = bytearray(path.read_bytes())
        entry = content.index(b"PK\x01\x02")
        content[entry + (8 if flag == "encrypted" else 10)] = 1 if flag == "encrypted" else 99
        path.write_bytes(content)
        check_refused(path)


class Danger:
    """What a hostile pickle would do: run code when it is loaded."""

    def __reduce__(self):
        return (exec, ("import sys; sys.modules['loaded_a_pickle'] = None",))


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def zipped(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(name, content)
    return buffer.getvalue()


def with_header(params=6, dtype="float64", state=None, **changes):
    """Return a file of one Dense(2, 2) layer, with changes to its header and arrays."""
    header = {"format": FORMAT, "dtype": dtype, "layers": [dense()]} | changes
    return npz(header=np.array(json.dumps(header)), params=np.zeros(params), **(state or {}))


def dense(**changes):
    return {"layer": "Dense", "n_in": 2, "n_out": 2} | changes


FOREIGN = {
    "random bytes": np.random.default_rng(0).bytes(5000),
    "text": b"epoch,loss\n1,0.5\n",
    "JSON": b'{"format": "companion network 1"}',
    "a pickle": pickle.dumps(Danger()),
    "a zip file without arrays": zipped("readme.txt", "hello"),
    "an array of another name": npz(weights=np.zeros(3)),
    "a single array": npy(np.zeros(3)),
    "a pickle in an npy file": npy(np.array([Danger()], dtype=object)),
    "a pickle in an npz file": npz(header=np.array([Danger()], dtype=object), params=np.zeros(6)),
    "a header that is no JSON": npz(header=np.array("network"), params=np.zeros(6)),
    "a header that is a list": npz(header=np.array("[1, 2]"), params=np.zeros(6)),
    "a header that is a number": npz(header=np.array(3.0), params=np.zeros(6)),
    "another format": with_header(format="companion network 99"),
    "no format": npz(header=np.array('{"layers": []}'), params=np.zeros(6)),
    "no layers": with_header(layers=[]),
    "layers that are a number": with_header(layers=3),
    "an unknown layer": with_header(layers=[{"layer": "Convolution"}]),
    "a name that is no layer": with_header(layers=[{"layer": "np"}]),
    "the base class": with_header(layers=[{"layer": "Layer"}], params=0),
    "a layer without a name": with_header(layers=[{"n_in": 2, "n_out": 2}]),
    "a layer with too few arguments": with_header(layers=[{"layer": "Dense", "n_in": 2}]),
    "a layer with an unknown argument": with_header(layers=[dense(bias=True)]),
    "a layer of negative size": with_header(layers=[dense(n_in=-2)]),
    "a layer too large for any memory": with_header(layers=[dense(n_in=10**14)]),
    "layers that do not fit": with_header(layers=[dense(), dense(n_in=3)], params=14),
    "an unknown dtype": with_header(dtype="float17"),
    "an integer dtype": with_header(dtype="int64"),
    "too many parameters": with_header(params=7),
    "too few parameters": with_header(params=5),
    "parameters of another shape": with_header(params=(6, 1)),
    "an array too many": with_header(state={"running_mean 0": np.zeros(2)}),
    "statistics missing": with_header(layers=[{"layer": "BatchNorm", "n_units": 3}]),
    "parameters that are text": npz(
        header=np.array(json.dumps({"format": FORMAT, "dtype": "float64", "layers": [dense()]})),
        params=np.array(["a"] * 6),
    ),
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_is_refused(path, content):
    path.write_bytes(content)
    check_refused(path)
    assert "loaded_a_pickle" not in sys.modules


def test_a_file_like_the_foreign_ones_but_right_is_loaded(path):
    """So that the files above are refused for what their names say."""
    path.write_bytes(with_header())
    np.testing.assert_array_equal(load_network(path).forward([[1, 2]]), [[0, 0]])


def test_a_directory_is_no_network(tmp_path):
    check_refused(tmp_path)
