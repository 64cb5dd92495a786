use std::sync::Arc;

use crate::property::PropertyTag;

/// What one must know of a request to read its answer: responses carry no lengths and no column lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseContext {
    /// Nothing.
    None,
    /// The columns of the table (RopQueryRows, RopFindRow), the tags asked for (RopGetPropertiesSpecific) or the
    /// recipient columns of the message (RopReadRecipients).
    Columns(Arc<[PropertyTag]>),
    /// RopLogon.
    Logon {
        /// To a private mailbox, not to public folders.
        private: bool,
    },
}

impl ResponseContext {
    /// The columns, none if they are not known.
    pub(super) fn columns(&self) -> Arc<[PropertyTag]> {
        match self {
            Self::Columns(columns) => Arc::clone(columns),
            Self::None | Self::Logon { .. } => Arc::new([]),
        }
    }
}
