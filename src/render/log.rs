//! Text on its way into a log, where runners of CI look for commands.

use std::io::{self, Write};

use crate::finding::log_line;

/// Writes whole lines, and none that a runner of CI obeys.
pub struct LogWriter<'w> {
    out: &'w mut dyn Write,
    line: Vec<u8>,
}

impl<'w> LogWriter<'w> {
    /// Writes to `out`.
    pub fn new(out: &'w mut dyn Write) -> Self {
        Self { out, line: Vec::new() }
    }

    /// Writes a last line that has no end.
    ///
    /// # Errors
    /// Errors of the writer.
    pub fn finish(mut self) -> io::Result<()> {
        if self.line.is_empty() { Ok(()) } else { self.end_line() }
    }

    fn end_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        match std::str::from_utf8(&line) {
            Ok(text) => self.out.write_all(log_line(text).as_bytes()),
            Err(_) => self.out.write_all(log_line(&String::from_utf8_lossy(&line)).as_bytes()),
        }
    }
}

impl Write for LogWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.end_line()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// All of a text for a log.
pub fn for_log(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut log = LogWriter::new(&mut out);
    // Memory takes everything.
    let _ = log.write_all(text).and_then(|()| log.finish());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_a_command() {
        let text = b"a\n ::error::x\n\n##vso[x]\n::end";
        assert_eq!(for_log(text), b"a\n :\\u{3a}error::x\n\n##vso\\u{5b}x]\n:\\u{3a}end");
    }
}
