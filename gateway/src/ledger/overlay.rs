use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// Bytes of a block.
const BLOCK: u64 = 4096;

/// A file that is read only, as a database takes it that has to write a little before it can be read: what it writes stays in
/// memory and is lost.
#[derive(Debug)]
pub(super) struct Overlay {
    file: Box<dyn StorageBackend>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    len: u64,
    /// Bytes of the file that are seen; what is behind them is zero.
    visible: u64,
    /// What was written, by the number of the block.
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    /// Over this file, which is never written.
    ///
    /// # Errors
    /// Its length can't be read.
    pub(super) fn new(file: Box<dyn StorageBackend>) -> io::Result<Self> {
        let len = file.len()?;
        Ok(Self { file, state: Mutex::new(State { len, visible: len, blocks: BTreeMap::new() }) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The part of a block that begins at `offset`, as long as `out`.
    fn read_part(&self, state: &State, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if let Some(block) = state.blocks.get(&(offset / BLOCK)) {
            let start = index(offset % BLOCK);
            out.copy_from_slice(&block[start..start + out.len()]);
            return Ok(());
        }
        let seen = index(state.visible.saturating_sub(offset)).min(out.len());
        let (from_file, behind) = out.split_at_mut(seen);
        behind.fill(0);
        if from_file.is_empty() { Ok(()) } else { self.file.read(offset, from_file) }
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if offset.saturating_add(out.len() as u64) > state.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut done = 0;
        while done < out.len() {
            let at = offset + done as u64;
            let part = index(BLOCK - at % BLOCK).min(out.len() - done);
            self.read_part(&state, at, &mut out[done..done + part])?;
            done += part;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.blocks.retain(|number, _| number * BLOCK < len);
        if let Some(last) = state.blocks.get_mut(&(len / BLOCK)) {
            last[index(len % BLOCK)..].fill(0);
        }
        state.visible = state.visible.min(len);
        state.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let mut done = 0;
        while done < data.len() {
            let at = offset + done as u64;
            let start = index(at % BLOCK);
            let part = (index(BLOCK) - start).min(data.len() - done);
            let number = at / BLOCK;
            let mut block = vec![0; index(BLOCK)];
            self.read_part(&state, number * BLOCK, &mut block)?;
            block[start..start + part].copy_from_slice(&data[done..done + part]);
            state.blocks.insert(number, block);
            done += part;
        }
        state.len = state.len.max(offset.saturating_add(data.len() as u64));
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

/// A place within a block or a buffer.
fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;

    use super::*;

    #[derive(Debug, Clone)]
    enum Act {
        Write(u64, Vec<u8>),
        SetLen(u64),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let write =
            (0..20_000u64, prop::collection::vec(any::<u8>(), 1..9000)).prop_map(|(at, bytes)| Act::Write(at, bytes));
        prop::collection::vec(prop_oneof![write, (0..30_000u64).prop_map(Act::SetLen)], 0..8)
    }

    proptest! {
        #[test]
        fn it_reads_as_a_file_that_was_written(first in prop::collection::vec(any::<u8>(), 0..20_000), acts in acts()) {
            let below = InMemoryBackend::new();
            below.set_len(first.len() as u64).expect("set");
            below.write(0, &first).expect("written");
            let overlay = Overlay::new(Box::new(below)).expect("over it");
            let mut wanted = first;
            for act in acts {
                match act {
                    Act::Write(at, bytes) => {
                        let end = index(at) + bytes.len();
                        wanted.resize(wanted.len().max(end), 0);
                        wanted[index(at)..end].copy_from_slice(&bytes);
                        overlay.write(at, &bytes).expect("written");
                    }
                    Act::SetLen(len) => {
                        wanted.resize(index(len), 0);
                        overlay.set_len(len).expect("set");
                    }
                }
                let mut read = vec![0; wanted.len()];
                overlay.read(0, &mut read).expect("read");
                prop_assert!(read == wanted);
                prop_assert!(overlay.read(1, &mut read).is_err() || read.is_empty());
            }
        }
    }
}
