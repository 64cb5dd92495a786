use std::io;
use std::time::Duration;

use mail_core::listener::Stream;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// A client may send the end of what it has to say right behind its message, and wait for the answer all the same.
const GRACE: Duration = Duration::from_secs(10);
/// What is read of the next commands while a message is handed over.
const READ_AHEAD: usize = 4 * 1024;

/// What a client sent while it should have waited.
#[derive(Default)]
pub(super) struct Ahead {
    bytes: Zeroizing<Vec<u8>>,
    ended: bool,
    failed: bool,
}

impl Ahead {
    /// Reads the next bytes, first those that came ahead; none at the end.
    pub(super) async fn read(&mut self, stream: &mut Stream, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.bytes.is_empty() {
            let count = self.bytes.len().min(buffer.len());
            buffer[..count].copy_from_slice(&self.bytes[..count]);
            self.bytes = Zeroizing::new(self.bytes[count..].to_vec());
            return Ok(count);
        }
        if self.ended { Ok(0) } else { stream.read(buffer).await }
    }

    /// Waits until the client has certainly given up: its connection failed, or ended and some time has passed since this was
    /// called. Can be dropped at any time.
    pub(super) async fn gone(&mut self, stream: &mut Stream) {
        let grace = Instant::now() + GRACE;
        while !self.ended {
            if self.bytes.len() >= READ_AHEAD {
                // It has more to say, and what comes behind that can't be seen.
                std::future::pending::<()>().await;
            }
            let mut buffer = Zeroizing::new([0; READ_AHEAD]);
            match stream.read(&mut buffer[..]).await {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    let mut joined = Zeroizing::new(Vec::with_capacity(self.bytes.len() + count));
                    joined.extend_from_slice(&self.bytes);
                    joined.extend_from_slice(&buffer[..count]);
                    self.bytes = joined;
                }
                Err(_) => (self.ended, self.failed) = (true, true),
            }
        }
        if !self.failed {
            tokio::time::sleep_until(grace).await;
        }
    }
}
