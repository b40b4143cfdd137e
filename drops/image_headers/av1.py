"""How many pixels the frames of AV1 data have together.

Names and sections are those of the AV1 Bitstream & Decoding Process Specification.
"""

from collections.abc import Iterator

from drops.image_headers.refusal import PhotoBoundsError, PhotoPixelsError

# A still picture is one frame; one in layers has 4 at most.
MAX_FRAMES = 16
MAX_UNITS = 4096

_SEQUENCE_HEADER, _FRAME_HEADER, _FRAME = 1, 3, 6
_KEY_FRAME, _SWITCH_FRAME = 0, 3
_SELECT = 2


def coded_pixels(data: bytes, max_pixels: int) -> int:
    """The pixels of all frames, shown or not; a frame has `max_pixels` at most.

    Raises PhotoBoundsError, and ValueError or IndexError for data that end early.
    """
    pixels = frames = 0
    header: _SequenceHeader | None = None
    for kind, payload in _units(data):
        if kind == _SEQUENCE_HEADER:
            header = _SequenceHeader(_Bits(payload))
        elif kind in (_FRAME_HEADER, _FRAME):
            frames += 1
            if frames > MAX_FRAMES:
                raise PhotoBoundsError(
                    f"the AVIF holds more than {MAX_FRAMES} frames in one picture; save it anew"
                )
            # Without a header before it, a frame is not decoded.
            frame_pixels = header.frame_pixels(_Bits(payload)) if header else 0
            if frame_pixels > max_pixels:
                raise PhotoPixelsError(
                    f"the AVIF holds a frame of {frame_pixels} pixels; at most {max_pixels} are decoded"
                )
            pixels += frame_pixels
    return pixels


def _units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and first bytes of each OBU, section 5.3."""
    at = 0
    for _ in range(MAX_UNITS):
        if at >= len(data):
            return
        first = data[at]
        at += 2 if first & 4 else 1
        size_bytes = len(data) - at
        if first & 2:
            size_bytes, at = _leb128(data, at)
        # What is read of a header has 100 bytes at most.
        yield first >> 3 & 15, data[at : at + min(size_bytes, 256)]
        at += size_bytes
    raise PhotoBoundsError(f"the AVIF has more than {MAX_UNITS} parts in one picture; save it anew")


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(8):
        value |= (data[at + place] & 127) << 7 * place
        if data[at + place] < 128:
            return value, at + place + 1
    raise ValueError("the size of a unit has more than 8 bytes")


class _Bits:
    """Reads bits, the highest of a byte first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data), len(data) * 8

    def take(self, count: int) -> int:
        """The next bits as a number. Raises ValueError at the end."""
        self._left -= count
        if self._left < 0:
            raise ValueError("the header ends early")
        return self._value >> self._left & (1 << count) - 1

    def skip_uvlc(self) -> None:
        """Section 4.10.3."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        self.take(zeros if zeros < 32 else 0)


class _SequenceHeader:
    """Section 5.5.1, as far as the size of a frame needs it."""

    def __init__(self, bits: _Bits) -> None:
        bits.take(4)  # seq_profile, still_picture
        self._reduced = bool(bits.take(1))
        self._equal_interval = True
        self._model_bits = self._time_bits = 0
        if self._reduced:
            bits.take(5)  # seq_level_idx
        else:
            self._read_timing(bits)
            self._read_operating_points(bits)
        self._width_bits, self._height_bits = bits.take(4) + 1, bits.take(4) + 1
        self._pixels = (bits.take(self._width_bits) + 1) * (bits.take(self._height_bits) + 1)
        self._id_bits = 0
        if not self._reduced and bits.take(1):  # frame_id_numbers_present_flag
            self._id_bits = bits.take(4) + bits.take(3) + 3
        bits.take(3)  # use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
        self._screen_content = self._integer_mv = _SELECT
        if not self._reduced:
            self._read_tools(bits)

    def _read_timing(self, bits: _Bits) -> None:
        if not bits.take(1):  # timing_info_present_flag
            return
        bits.take(64)  # num_units_in_display_tick, time_scale
        self._equal_interval = bool(bits.take(1))
        if self._equal_interval:
            bits.skip_uvlc()
        if bits.take(1):  # decoder_model_info_present_flag
            self._model_bits = bits.take(5) + 1
            bits.take(32 + 5)
            self._time_bits = bits.take(5) + 1

    def _read_operating_points(self, bits: _Bits) -> None:
        has_delay = bits.take(1)  # initial_display_delay_present_flag
        for _ in range(bits.take(5) + 1):
            bits.take(12)
            if bits.take(5) > 7:  # seq_level_idx
                bits.take(1)
            if self._model_bits and bits.take(1):
                bits.take(2 * self._model_bits + 1)
            if has_delay and bits.take(1):
                bits.take(4)

    def _read_tools(self, bits: _Bits) -> None:
        bits.take(4)  # interintra, masked compound, warped motion, dual filter
        if bits.take(1):  # enable_order_hint
            bits.take(2)
        self._screen_content = _SELECT if bits.take(1) else bits.take(1)
        if self._screen_content:
            self._integer_mv = _SELECT if bits.take(1) else bits.take(1)

    def frame_pixels(self, bits: _Bits) -> int:
        """The pixels of a frame with this header: at most what its size fields can say, if it has its own."""
        if self._reduced or not self._has_own_size(bits):
            return self._pixels
        return 1 << self._width_bits + self._height_bits

    def _has_own_size(self, bits: _Bits) -> bool:
        """Section 5.9.2, up to frame_size_override_flag."""
        if bits.take(1):  # show_existing_frame
            return False
        kind, is_shown = bits.take(2), bits.take(1)
        if is_shown and self._time_bits and not self._equal_interval:
            bits.take(self._time_bits)
        elif not is_shown:
            bits.take(1)  # showable_frame
        if kind != _SWITCH_FRAME and not (kind == _KEY_FRAME and is_shown):
            bits.take(1)  # error_resilient_mode
        bits.take(1)  # disable_cdf_update
        screen_content = bits.take(1) if self._screen_content == _SELECT else self._screen_content
        if screen_content and self._integer_mv == _SELECT:
            bits.take(1)
        bits.take(self._id_bits)
        return kind == _SWITCH_FRAME or bool(bits.take(1))
