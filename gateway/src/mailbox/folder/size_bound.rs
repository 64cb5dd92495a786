use tokio::sync::Mutex;

/// How large the messages of a folder can be together whose sizes are not known: of a version of the folder. Held while it is
/// asked for, so that it is asked for once.
#[derive(Default)]
pub(super) struct SizeBound(pub Mutex<Option<(u64, u64)>>);
