use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};

use bytes::Bytes;

use crate::work::Reservation;

/// A message: lines end with CRLF, dot-stuffing is undone. A small one is in memory, a large one in a file that has no name
/// and is gone with the value.
pub struct SpooledMessage {
    content: Content,
    len: u64,
    /// What its file takes of the disk.
    _room: Vec<Reservation>,
}

enum Content {
    Memory(Bytes),
    File(File),
}

impl SpooledMessage {
    /// A message in a file that nobody else has.
    ///
    /// # Errors
    /// If the file's length can't be told.
    pub fn from_file(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { content: Content::File(file), len, _room: Vec::new() })
    }

    /// The same, which gives back this room on the disk when it is dropped.
    pub(super) fn holding(self, room: Vec<Reservation>) -> Self {
        Self { _room: room, ..self }
    }

    /// Bytes of the message.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing in it, not even an empty line.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether it lies in a file.
    pub fn is_spooled(&self) -> bool {
        matches!(self.content, Content::File(_))
    }

    /// Reads it from the start. Blocks if it lies in a file.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn reader(&mut self) -> io::Result<SpooledReader<'_>> {
        Ok(SpooledReader(match &mut self.content {
            Content::Memory(bytes) => Source::Memory(Cursor::new(bytes)),
            Content::File(file) => {
                file.rewind()?;
                Source::File(file)
            }
        }))
    }

    /// All of it in memory. Blocks if it lies in a file.
    ///
    /// # Errors
    /// If the file can't be read, or memory can't hold it.
    pub fn into_bytes(mut self) -> io::Result<Bytes> {
        if let Content::Memory(bytes) = self.content {
            return Ok(bytes);
        }
        let len = usize::try_from(self.len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut bytes = Vec::with_capacity(len);
        self.reader()?.read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl From<Bytes> for SpooledMessage {
    fn from(bytes: Bytes) -> Self {
        Self { len: bytes.len() as u64, content: Content::Memory(bytes), _room: Vec::new() }
    }
}

impl fmt::Debug for SpooledMessage {
    /// Tells nothing of the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpooledMessage")
            .field("len", &self.len)
            .field("spooled", &self.is_spooled())
            .finish_non_exhaustive()
    }
}

/// Reads a [`SpooledMessage`].
#[derive(Debug)]
pub struct SpooledReader<'a>(Source<'a>);

#[derive(Debug)]
enum Source<'a> {
    Memory(Cursor<&'a Bytes>),
    File(&'a mut File),
}

impl Read for SpooledReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Source::Memory(bytes) => bytes.read(buffer),
            Source::File(file) => file.read(buffer),
        }
    }
}

impl Seek for SpooledReader<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        match &mut self.0 {
            Source::Memory(bytes) => bytes.seek(position),
            Source::File(file) => file.seek(position),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn file_and_memory_read_the_same() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"Subject: x\r\n\r\nbody").unwrap();
        for mut message in
            [SpooledMessage::from_file(file).unwrap(), Bytes::from_static(b"Subject: x\r\n\r\nbody").into()]
        {
            assert_eq!((message.len(), message.is_empty()), (18, false));
            assert!(!format!("{message:?}").contains("Subject"));
            for _ in 0..2 {
                let mut reader = message.reader().unwrap();
                let mut text = String::new();
                reader.seek(SeekFrom::Start(14)).unwrap();
                reader.read_to_string(&mut text).unwrap();
                assert_eq!(text, "body");
            }
            assert_eq!(message.into_bytes().unwrap(), "Subject: x\r\n\r\nbody");
        }
    }
}
