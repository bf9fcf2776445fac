//! The heads of HTTP/2 frames in what a connection reads or writes: nine bytes each, found without
//! looking at what is between them (RFC 9113, section 4.1).

/// What a client of HTTP/2 sends first (RFC 9113, section 3.4).
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a frame's head.
const HEAD_BYTES: usize = 9;

/// What frames are counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Carries a request or an answer: DATA, HEADERS and its CONTINUATION.
    Content,
    /// RST_STREAM.
    Reset,
    /// A DATA or CONTINUATION frame with nothing in it, except where it ends a stream or the headers.
    /// It carries less than any control frame does.
    Empty,
    /// Everything else: PRIORITY, SETTINGS, PING, GOAWAY, WINDOW_UPDATE and unknown types.
    Control,
}

/// The flags END_STREAM of a DATA frame, and END_HEADERS of CONTINUATION.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

impl Kind {
    fn of(code: u8, flags: u8, payload: usize) -> Self {
        match code {
            0 if payload == 0 && flags & END_STREAM == 0 => Self::Empty,
            9 if payload == 0 && flags & END_HEADERS == 0 => Self::Empty,
            0 | 1 | 9 => Self::Content,
            3 => Self::Reset,
            _ => Self::Control,
        }
    }
}

/// Finds the heads of frames in pieces of a byte stream.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    head: [u8; HEAD_BYTES],
    head_filled: usize,
    payload_left: usize,
}

impl Frames {
    /// Reads the next piece and reports each frame whose head is complete.
    pub(crate) fn scan(&mut self, mut bytes: &[u8], mut found: impl FnMut(Kind)) {
        loop {
            let skipped = self.payload_left.min(bytes.len());
            self.payload_left -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return;
            }
            let taken = (HEAD_BYTES - self.head_filled).min(bytes.len());
            self.head[self.head_filled..self.head_filled + taken].copy_from_slice(&bytes[..taken]);
            self.head_filled += taken;
            bytes = &bytes[taken..];
            if self.head_filled < HEAD_BYTES {
                return;
            }
            let [high, middle, low, code, flags, ..] = self.head;
            self.head_filled = 0;
            self.payload_left =
                usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            found(Kind::of(code, flags, self.payload_left));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(code: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
        [&length[1..], &[code, 0, 0, 0, 0, 1], payload].concat()
    }

    #[test]
    fn frames_are_found_however_the_bytes_are_cut() {
        // A payload that looks like a frame of its own must not be taken for one.
        let bytes = [
            frame(4, &[]),
            frame(0, &frame(3, b"x")),
            frame(3, &[0; 4]),
            frame(77, &[1; 300]),
        ]
        .concat();
        for size in 1..bytes.len() {
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            for piece in bytes.chunks(size) {
                frames.scan(piece, |kind| found.push(kind));
            }
            assert_eq!(
                found,
                [Kind::Control, Kind::Content, Kind::Reset, Kind::Control],
                "in pieces of {size}"
            );
        }
    }

    #[test]
    fn a_frame_with_nothing_in_it_is_no_content() {
        let kind = |code, flags, payload| Kind::of(code, flags, payload);
        assert_eq!(kind(0, 0, 0), Kind::Empty);
        assert_eq!(kind(9, 0, 0), Kind::Empty);
        assert_eq!(kind(0, END_STREAM, 0), Kind::Content);
        assert_eq!(kind(9, END_HEADERS, 0), Kind::Content);
        assert_eq!(kind(0, 0, 1), Kind::Content);
    }
}
