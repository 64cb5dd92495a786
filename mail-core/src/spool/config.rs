use std::path::PathBuf;

/// Where messages are kept while they come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolConfig {
    /// Where larger messages lie, in files without a name: nobody else can open them, and they are gone with the process.
    pub directory: PathBuf,
    /// Messages up to this many bytes stay in memory.
    pub memory_bytes: usize,
}

impl Default for SpoolConfig {
    /// The system's directory for temporary files, from 128 KiB on.
    fn default() -> Self {
        Self { directory: std::env::temp_dir(), memory_bytes: 128 * 1024 }
    }
}
