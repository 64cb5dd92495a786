use std::sync::{Arc, Mutex, PoisonError};

/// Server objects nobody needs any more. They are released with the next Execute, which costs no request of its own.
#[derive(Debug, Default)]
pub(super) struct Garbage {
    handles: Mutex<Vec<u32>>,
}

impl Garbage {
    pub(super) fn add(&self, handle: u32) {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
    }

    /// At most `limit` of them.
    pub(super) fn take(&self, limit: usize) -> Vec<u32> {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        let keep = handles.len().saturating_sub(limit);
        handles.split_off(keep)
    }
}

/// A server object that outlives the script that opened it. Dropping it gives it to be released.
#[derive(Debug)]
pub(super) struct Handle {
    value: u32,
    garbage: Arc<Garbage>,
}

impl Handle {
    pub(super) fn new(value: u32, garbage: Arc<Garbage>) -> Self {
        Self { value, garbage }
    }

    pub(super) fn value(&self) -> u32 {
        self.value
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.garbage.add(self.value);
    }
}
