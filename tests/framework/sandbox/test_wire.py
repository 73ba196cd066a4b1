"""The wire: what crosses comes out as it went in, and whatever is wrong with a frame is a WireError."""

from __future__ import annotations

import json
import math
import socket
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.sandbox.trusted.channel import Channel
from grader.sandbox.wire import (
    MAGIC,
    PREFIX,
    Encoder,
    HandleRef,
    TensorRef,
    WireError,
    WireLimits,
    check_prefix,
    decode,
    frame,
    parse_header,
)

pytestmark = pytest.mark.torch

TENSOR_DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16,
    torch.float32, torch.float64, torch.complex64, torch.complex128,
]  # fmt: skip
ARRAY_DTYPES = [
    "bool", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "g", "c8", "c16",
]  # fmt: skip
SHAPES = [(), (0,), (1,), (3,), (0, 4), (4, 0, 2), (2, 3), (1, 2, 3, 4)]


def cross(value, limits=None, resolve=None, **options):
    """Send a value through a whole frame and back."""
    encoder = Encoder(limits or WireLimits(), **options)
    raw = b"".join(bytes(part) for part in frame({"value": encoder.encode(value)}, encoder))
    header, payload = check_prefix(raw[: PREFIX.size], WireLimits())
    assert len(raw) == PREFIX.size + header + payload
    tree = parse_header(raw[PREFIX.size : PREFIX.size + header])["value"]
    arguments = {} if resolve is None else {"resolve": resolve}
    return decode(tree, bytearray(raw[PREFIX.size + header :]), **arguments)


def same(one, other):
    """Equal in value, type and, for floats, down to the sign of zero and to NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return math.copysign(1, one) == math.copysign(1, other) and (one == other or (one != one and other != other))
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return one == other


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**2000), max_value=2**2000)
    | st.floats(allow_nan=True).map(lambda x: x if x == x else math.nan)
    | st.text()
    | st.binary(max_size=40)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=25,
)


# -- round trips -----------------------------------------------------------------------------------------------------


@given(VALUES)
def test_nested_values_come_back_equal_and_of_the_same_type(value):
    """Every tree of plain values crosses unchanged: lists stay lists, tuples tuples, 1 is not True."""
    assert same(cross(value), value)


@pytest.mark.parametrize("value", [2**53 - 1, 2**53, -(2**53), 2**64 + 1, -(2**1000), 2**13_999], ids=int.bit_length)
def test_integers_cross_exactly(value):
    """No integer is rounded on the way, however large."""
    assert cross(value) == value


@pytest.mark.parametrize("key", ["t", "d", "T", "h", "k", "a", "", "ключ"])
def test_a_dict_may_use_the_tags_as_keys(key):
    """A student's dict with a key that is a tag of the format stays that dict."""
    assert cross({key: [1, 2]}) == {key: [1, 2]}


@pytest.mark.parametrize("dtype", TENSOR_DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_tensors_cross_bit_for_bit(dtype, shape):
    """Shape, dtype and every bit of a tensor survive, 0-d and empty ones too."""
    count = math.prod(shape)
    raw = torch.arange(count * dtype.itemsize, dtype=torch.int64).mul(37).to(torch.uint8)
    if dtype is torch.bool:
        raw = raw % 2
    tensor = raw.view(dtype).reshape(shape) if count else torch.empty(shape, dtype=dtype)
    back = cross(tensor)
    assert (back.dtype, back.shape) == (tensor.dtype, tensor.shape)
    assert torch.equal(back.reshape(-1).view(torch.uint8), raw if count else raw[:0])


@pytest.mark.parametrize("dtype", ARRAY_DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_arrays_cross_bit_for_bit(dtype, shape):
    """Shape, dtype and every value of a numpy array survive."""
    array = (np.arange(math.prod(shape)) * 37 % 101).astype(dtype).reshape(shape)
    back = cross(array)
    assert type(back) is np.ndarray
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes() or dtype == "g"  # a long double has padding
    assert np.array_equal(back, array)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "u1", "bool", "c16"])
def test_numpy_scalars_stay_numpy_scalars(dtype):
    """A numpy scalar does not turn into a Python number or a 0-d array."""
    scalar = np.dtype(dtype).type(1)
    back = cross(scalar)
    assert type(back) is type(scalar)
    assert back == scalar


@pytest.mark.parametrize("dtype", [">f4", ">i8", ">u2", ">c8"])
def test_foreign_byte_order_keeps_its_values(dtype):
    """Big-endian arrays, as idx files give them, come out with the same numbers."""
    array = np.array([1, 2, 300]).astype(dtype)
    assert cross(array).tolist() == array.tolist()


def test_layout_does_not_matter():
    """Views that are transposed, strided, flipped, conjugated or negated cross as what they show."""
    base = torch.arange(24.0).reshape(4, 6)
    for view in (base.t(), base[::2, 1::3], base.expand(2, 4, 6), base.flip(0)):
        assert torch.equal(cross(view), view)
    array = base.numpy()
    for view in (array.T, array[::-1], array[:, ::2], np.asfortranarray(array), np.broadcast_to(array, (2, 4, 6))):
        assert np.array_equal(cross(view), view)
    complex_ = torch.complex(base, base + 1)
    assert torch.equal(cross(complex_.conj()), complex_.conj().resolve_conj())
    assert torch.equal(cross(complex_.conj().imag), -(base + 1))


def test_nan_payloads_and_negative_zero_survive():
    """Not one bit of a float array is interpreted."""
    bits = np.array([0x7FF8_0000_DEAD_BEEF, 0xFFF0_0000_0000_0001, 1 << 63], dtype=np.uint64)
    assert np.array_equal(cross(bits.view("f8")).view("u8"), bits)
    assert torch.equal(cross(torch.from_numpy(bits.view("f8"))).view(torch.int64), torch.from_numpy(bits.view("i8")))


def test_what_arrives_is_a_writable_copy():
    """A decoded array owns its bytes: writing to it changes neither the payload nor another value."""
    one, other = cross([np.zeros(3), np.zeros(3)])
    one += 1
    assert other.tolist() == [0, 0, 0]
    assert one.flags.aligned
    assert one.flags.owndata or one.base is not None


def test_requires_grad_is_told():
    """Without handles a tensor that requires grad arrives as a leaf that does."""
    assert cross(torch.ones(2, requires_grad=True)).requires_grad
    assert not cross(torch.ones(2)).requires_grad


def test_live_tensors_carry_their_handle():
    """With handles, a tensor that requires grad arrives as its value and the number of the live one."""
    tensor = torch.ones(2, requires_grad=True)
    ref = cross(tensor, handle=lambda _: HandleRef(7, "Tensor"), keep_grad=True)
    assert isinstance(ref, TensorRef)
    assert ref.handle == HandleRef(7, "Tensor")
    assert not ref.value.requires_grad


@pytest.mark.parametrize(
    "value",
    [
        object(), {1: 2}, {"a": 1, 2: 3}, len, {1, 2}, np.array(["a"]), np.array([None]), np.datetime64("2026-01-01"),
        torch.eye(2).to_sparse(), torch.empty(2, device="meta"), 2**40_000, "\ud800", {"\udfff": 1},
    ],
    ids=lambda value: str(type(value).__name__),
)  # fmt: skip
def test_anything_else_goes_by_handle_or_not_at_all(value):
    """What has no form on the wire is refused while encoding, or offered as a handle; never mangled."""
    with pytest.raises(WireError):
        cross(value)
    if not isinstance(value, (str, dict)) or set(map(type, value)) != {str}:
        assert cross(value, handle=lambda _: HandleRef(3, "thing")) == HandleRef(3, "thing")


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors_go_by_handle():
    """A nested tensor says that it is strided, and is not."""
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
    assert cross(nested, handle=lambda _: HandleRef(3, "Tensor")) == HandleRef(3, "Tensor")


def test_a_cycle_is_refused():
    """A list that holds itself ends at the depth limit, not in a RecursionError."""
    cycle = []
    cycle.append(cycle)
    with pytest.raises(WireError, match="nested"):
        cross(cycle)


# -- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "value"),
    [
        (WireLimits(depth=3), [[[[1]]]]),
        (WireLimits(nodes=10), list(range(11))),
        (WireLimits(payload=64), np.zeros(9)),
        (WireLimits(payload=64), [torch.zeros(5), torch.zeros(12)]),
        (WireLimits(payload=64), b"x" * 65),
        (WireLimits(header=800), "x" * 101),
        (WireLimits(header=800), ["x" * 90] * 10),
        (WireLimits(header=800), [10**15] * 100),
    ],
)
def test_the_sender_keeps_every_limit(limits, value):
    """Depth, parts, payload and header: what the receiver would refuse is not sent."""
    with pytest.raises(WireError):
        cross(value, limits)


@pytest.mark.parametrize(
    ("limits", "tree"),
    [
        (WireLimits(depth=3), [[[[1]]]]),
        (WireLimits(depth=3), {"t": [{"t": [{"d": {"a": [1]}}]}]}),
        (WireLimits(nodes=10), list(range(11))),
        (WireLimits(nodes=10), {"d": {str(n): 1 for n in range(11)}}),
    ],
)
def test_the_receiver_keeps_depth_and_parts(limits, tree):
    """A worker's tree is refused as soon as it goes over a limit."""
    with pytest.raises(WireError):
        decode(tree, bytearray(), limits)


@pytest.mark.parametrize(
    "prefix",
    [
        PREFIX.pack(b"PICK", 2, 0),
        PREFIX.pack(MAGIC, 1001, 0),
        PREFIX.pack(MAGIC, 2, 2**20 + 1),
        PREFIX.pack(MAGIC, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF),
        b"\x80\x04\x95" + bytes(13),
    ],
)
def test_a_lying_prefix_is_refused(prefix):
    """Wrong magic and lengths over the limits are refused from the prefix alone, before a byte is allocated."""
    with pytest.raises(WireError):
        check_prefix(prefix, WireLimits(header=1000, payload=2**20))


def test_nothing_is_allocated_for_a_length_over_the_limit():
    """A channel that is promised 2**64 bytes refuses at the prefix; allocating them would be a MemoryError."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(PREFIX.pack(MAGIC, 2, 2**64 - 1))
        with pytest.raises(WireError, match="limit"):
            Channel(ours).receive()


# -- hostile frames --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\xff\xfe", b"[1]", b'"a"', b"{", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b"{'a': 1}",
        b"[" * 100_000, b'{"a":' * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b"{}x", b"null",
    ],
    ids=lambda raw: repr(raw[:20]),
)  # fmt: skip
def test_a_header_is_a_strict_json_object(raw):
    """What is not exactly one JSON object of finite numbers is refused, deep nesting included."""
    with pytest.raises(WireError):
        parse_header(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"value": 1, "value": 2}', 2),
        (b'{"value": -0}', 0),
        (b'{"value": -0.0}', -0.0),
        (b'{"value": 1E2}', 100.0),
        (b'{"value": 1e-999}', 0.0),
        (b'{"value": true}', True),
        (b'{"value": {"d": {"a": 1, "a": 2}}}', {"a": 2}),
        (b'{"value": "\\ud83d\\ude00"}', "\N{GRINNING FACE}"),
        (b'{"value": "\\u0000"}', "\x00"),
        (b"{}", None),
    ],
)
def test_odd_json_has_one_meaning(raw, value):
    """Keys that stand twice, signs of zero, exponents, escapes: each is read one way, always."""
    assert same(decode(parse_header(raw).get("value"), b""), value)


def test_every_integer_that_crosses_can_be_shown():
    """Python writes no more than 4300 digits; a message that shows a student's number must not raise."""
    assert len(str(decode({"i": "0x" + "f" * 3500}, b""))) <= 4300
    with pytest.raises(WireError):
        cross(2**14_000)


def test_bare_integers_of_many_digits_are_refused():
    """Those that Python would not read, and those that it would."""
    for digits in (17, 4300, 4301, 5000):
        with pytest.raises(WireError):
            decode(parse_header(b'{"value": ' + b"9" * digits + b"}")["value"], b"")


@pytest.mark.parametrize("shape", [(0, 2**24), (2**24, 0), (0, 60_000, 28), (0,) * 16])
def test_empty_arrays_cross_up_to_a_number_of_rows(shape):
    """Batches of nothing are honest; one with more rows than a list can hold is offered as a handle."""
    assert cross(np.zeros(shape)).shape == shape
    assert cross(torch.zeros(shape)).shape == shape
    for value in (np.zeros((0, 2**24, 2)), torch.zeros(2**25, 0)):
        assert cross(value, handle=lambda _: HandleRef(3, "thing")) == HandleRef(3, "thing")


def test_a_large_value_takes_the_payload_over():
    """It is not copied; what is small beside it is, so that it does not keep the payload alive."""
    payload = bytearray(4096 + 16)
    large, small = decode([{"a": ["|u1", [4096], 0, 4096]}, {"T": ["uint8", [16], 4096, 16]}], payload)
    payload[0] = payload[4096] = 7
    assert large[0] == 7
    assert small[0] == 0


def test_values_at_odd_places_are_aligned():
    """A worker may put an array at any byte; vector instructions want it at a round one."""
    tree = [{"b": [0, 1]}, {"a": ["<f8", [64], 1, 512]}]
    assert decode(tree, bytearray(513))[1].flags.aligned
    tensor = decode([{"b": [0, 1]}, {"T": ["complex128", [64], 1, 1024]}], bytearray(1025))[1]
    assert tensor.data_ptr() % 16 == 0


def test_a_number_too_large_for_a_float_is_only_infinite():
    """JSON's 1e999 is read as infinity, which is a value like any other."""
    assert decode(parse_header(b'{"value": 1e999}')["value"], bytearray()) == math.inf


HOSTILE = [
    {},
    {"x": 1},
    {"t": {}},
    {"t": 3},
    {"d": [1]},
    {"d": {"a": {"zz": 1}}},
    {"i": 3},
    {"i": "0x"},
    {"i": "zz"},
    {"i": "0x" + "f" * 20_000},
    {"i": "0x" + "f" * 3501},
    {"i": "0x_1"},
    {"i": " 0x1"},
    {"i": "0x\uff11"},
    {"i": "0X1"},
    2**53,
    -(2**70),
    "\ud800",
    {"d": {"\udfff": 1}},
    {"t": [], "d": {}},
    {"t": [], "x": 1},
    {"f": "nan", "g": True},
    {"f": "1.5"},
    {"f": 1},
    {"b": []},
    {"b": [0]},
    {"b": [0, 17]},
    {"b": [-1, 4]},
    {"b": [0, -4]},
    {"b": [True, 4]},
    {"b": [0, True]},
    {"b": [0.0, 4]},
    {"b": ["0", 4]},
    {"b": [2**70, 1]},
    {"h": -1, "k": "x"},
    {"h": True, "k": "x"},
    {"h": 1.0, "k": "x"},
    {"h": 2**60, "k": "x"},
    {"h": 1, "k": 3},
    {"h": 1, "k": "x" * 201},
    {"h": 1, "k": "\ud800"},
    {"h": 1, "k": "x", "T": ["float32", [4], 0, 16]},
    {"h": 1},
    {"a": ["<f4", [2], 0, 4]},
    {"a": ["<f4", [2], 12, 8]},
    {"a": ["<f4", [-1], 0, 8]},
    {"a": ["<f4", [-2, -1], 0, 8]},
    {"a": ["<f4", [True, 2], 0, 8]},
    {"a": ["<f4", [2.0], 0, 8]},
    {"a": ["<f4", ["2"], 0, 8]},
    {"a": ["<f4", [None], 0, 0]},
    {"a": ["<f4", [2], True, 8]},
    {"a": ["<f4", [2**40, 2**40], 0, 8]},
    {"a": ["<f4", [0, 2**52, 2**52], 0, 0]},
    {"a": ["<f4", [1] * 17, 0, 4]},
    {"a": ["|O", [1], 0, 8]},
    {"a": ["O", [1], 0, 8]},
    {"a": ["<U2", [1], 0, 8]},
    {"a": ["|S8", [1], 0, 8]},
    {"a": ["|V8", [1], 0, 8]},
    {"a": ["<M8", [1], 0, 8]},
    {"a": ["<m8", [1], 0, 8]},
    {"a": [">f4", [2], 0, 8]},
    {"a": ["<f3", [1], 0, 3]},
    {"a": ["<f0", [1], 0, 0]},
    {"a": ["1f4", [1], 0, 4]},
    {"a": ["2f4", [1], 0, 8]},
    {"a": ["<f4,", [1], 0, 4]},
    {"a": ["<i4,i", [1], 0, 8]},
    {"a": [")b(", [1], 0, 8]},
    {"a": ["", [1], 0, 8]},
    {"a": [4, [1], 0, 8]},
    {"a": ["<f4", 2, 0, 8]},
    {"a": ["<f4", [2], 0]},
    {"s": ["<f4", [1], 0, 4]},
    {"s": ["<f4", [], 0, 8]},
    {"T": ["float33", [1], 0, 4]},
    {"T": ["float32", [3], 0, 8]},
    {"T": ["float32", [2], 0, 4]},
    {"T": ["Tensor", [1], 0, 4]},
    {"T": ["__class__", [1], 0, 4]},
    {"T": ["float32", [0, 2**52, 2**52], 0, 0]},
    {"T": ["float32", [2**62, 4], 0, 0]},
    {"T": ["float32", [1] * 17, 0, 4]},
    {"T": ["float32", [1], 0, 4], "h": "x"},
    {"T": ["float32", [1], 0, 4], "h": -3},
    {"T": ["float32", [1], 0, 4], "h": True},
    {"T": ["float32", [4], 0, 16], "h": 1, "g": True},
    {"T": ["float32", [4], 0, 16], "g": 1},
    {"T": ["int64", [2], 0, 16], "g": True},
    {"T": ["float32", [4], 0, 16], "x": 1},
    {"T": ["float32", [0, 2**25], 0, 0]},
    {"a": ["<f4", [2**13, 2**13, 0], 0, 0]},
    {"b": [4, 12]},
    {"b": [0, 15]},
    [{"b": [8, 8]}, {"b": [0, 8]}],
    [{"b": [0, 8]}, {"b": [0, 8]}],
    [{"b": [0, 12]}, {"b": [8, 4]}],
    [[], {"q": []}],
]


@pytest.mark.parametrize("tree", HOSTILE, ids=lambda tree: json.dumps(tree)[:50])
def test_hostile_trees_are_refused(tree):
    """Lying lengths, impossible shapes, objects, bools for integers, unknown tags: a WireError, every one."""
    with pytest.raises(WireError):
        decode(tree, bytearray(range(16)))


def test_a_bool_array_holds_only_zeros_and_ones():
    """Any other byte in a bool array is undefined behaviour in numpy and torch; it is made True."""
    payload = bytearray([0, 1, 2, 255])
    for tree in ({"a": ["|b1", [4], 0, 4]}, {"T": ["bool", [4], 0, 4]}):
        value = np.asarray(decode(tree, payload))
        assert value.view(np.uint8).tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize("tree", [{"b": [0, 1024]}, {"a": ["|u1", [1024], 0, 1024]}, {"T": ["uint8", [1024], 0, 1024]}])
def test_values_cannot_share_bytes(tree):
    """A small frame cannot fill the grader's memory with copies of one extent."""
    with pytest.raises(WireError, match="follow one another"):
        decode([tree] * 3, bytearray(1024))


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 40)
    | st.integers()
    | st.floats()
    | st.sampled_from(["<f4", "<f8", "|b1", "|O", ">i2", "<c16", "float32", "bfloat16", "bool", "nan", "0xff", "x"])
    | st.text(max_size=4)
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from("tdifbasThkg") | st.text(max_size=2), inner, max_size=3)
        | st.fixed_dictionaries(
            {},
            optional={
                tag: st.tuples(
                    st.sampled_from(["<f4", "<f8", "|b1", "<i2", "<f16", "float32", "bfloat16", "complex64", "int8"]),
                    st.lists(st.integers(0, 3) | st.just(2**52), max_size=4),
                    st.integers(0, 20),
                    st.integers(0, 40),
                ).map(list)
                for tag in "asT"
            },
        )
    ),
    max_leaves=30,
)


@settings(max_examples=600)
@given(TREES, st.binary(max_size=40))
def test_decoding_any_tree_gives_a_value_or_a_wire_error(tree, payload):
    """No JSON tree whatever makes the decoder raise anything but WireError."""
    try:
        decode(tree, bytearray(payload))
    except WireError:
        return


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_header_or_a_wire_error(raw):
    """No bytes whatever make the header's parser raise anything but WireError."""
    try:
        assert isinstance(parse_header(raw), dict)
    except WireError:
        return


# -- the channel between trusted processes -----------------------------------------------------------------------------


def test_a_channel_carries_values_both_ways():
    """Values larger than a socket's buffer cross whole, in order."""
    ours, theirs = socket.socketpair()
    sent = [{"op": "grade", "files": {"a.py": bytes(3_000_000)}}, {"seed": None, "x": torch.ones(3)}]
    with ours, theirs:
        thread = threading.Thread(target=lambda: [Channel(theirs).send(value) for value in sent])
        thread.start()
        got = [Channel(ours).receive() for _ in sent]
        thread.join()
    assert got[0] == sent[0]
    assert got[1]["seed"] is None
    assert torch.equal(got[1]["x"], torch.ones(3))


@pytest.mark.parametrize("header", [b"{}", b'{"value": 1}', b'{"value": [{"d": {}}]}', b"[]", b"\xff"])
def test_a_channel_carries_dicts_alone(header):
    """Anything else in a frame between our own processes is a WireError as well."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(PREFIX.pack(MAGIC, len(header), 0) + header)
        with pytest.raises(WireError):
            Channel(ours).receive()


def test_a_channel_says_when_the_other_end_is_gone():
    """Hanging up between frames or in the midst of one is None, not an error."""
    for part in (b"", b"AG", PREFIX.pack(MAGIC, 10, 0) + b'{"val'):
        ours, theirs = socket.socketpair()
        with ours:
            theirs.sendall(part)
            theirs.close()
            assert Channel(ours).receive() is None
