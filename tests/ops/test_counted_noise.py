"""The draw of "normal-v1", pinned: pictures of a job must not change with a later version."""

from __future__ import annotations

import torch

from steerx._seeds import normal, philox, subkey


def test_first_numbers_of_the_draw() -> None:
    expected = torch.tensor([0.9911375, -0.9246628, -0.6176091, -0.4820684, -0.1536382, 0.1808260])
    torch.testing.assert_close(normal(0, torch.tensor([0]), 6)[0], expected, rtol=0, atol=1e-6)


def test_words_of_a_wide_key_and_id() -> None:
    words = philox(0x0123456789ABCDEF, torch.tensor([-1]), 2)[0].flatten().tolist()
    assert words[:4] == [0x2F50A35E, 0x44E52478, 0xB3E1DDCD, 0x7DBE15F7]
    assert words[4:] == [0x6AA87473, 0x03D8640B, 0x3BD7D67E, 0xDCBD5596]


def test_keys_of_different_purposes_differ() -> None:
    keys = [subkey(k, p) for k in (0, 1, -1, 2**63) for p in range(64)]
    assert len(set(keys)) == len(keys)
    assert all(-(2**63) <= k < 2**63 for k in keys)
