/// Every kind of operation. The fault sweep has a scenario for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Lists the folders.
    ListFolders,
    /// Reads what the mailbox remembers of a folder's ledgers.
    ReadEpoch,
    /// Writes it.
    NoteEpoch,
    /// Reads how full the mailbox is.
    ReadQuota,
    /// Reads what the user may do in a folder.
    ReadRights,
    /// Changes which names are subscribed.
    Subscribe,
    /// Reads metadata.
    ReadMetadata,
    /// Changes metadata.
    Annotate,
    /// Synchronises a folder.
    Synchronise,
    /// Looks at the flags of messages themselves.
    LookAtFlags,
    /// Marks messages as read or unread.
    MarkRead,
    /// Changes other flags and keywords.
    Update,
    /// Deletes messages.
    Delete,
    /// Copies messages.
    Copy,
    /// Moves messages.
    Move,
    /// Looks for messages by their content.
    Search,
    /// Reads how large the server says that messages are.
    Measure,
    /// Downloads messages.
    Download,
    /// Stores a message.
    Append,
    /// Adds to a stored message what belongs to it, or reads it back.
    Complete,
    /// Makes a folder.
    CreateFolder,
    /// Gives a folder another name.
    RenameFolder,
    /// Moves a folder.
    MoveFolder,
    /// Deletes a folder.
    DeleteFolder,
    /// Hands a message over for sending.
    Submit,
    /// Looks for the copy of a sent message.
    FindCopy,
    /// Removes it.
    RemoveCopy,
    /// Removes what unfinished submissions left behind.
    SweepOutbox,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::ListFolders,
        Self::ReadEpoch,
        Self::NoteEpoch,
        Self::ReadQuota,
        Self::ReadRights,
        Self::Subscribe,
        Self::ReadMetadata,
        Self::Annotate,
        Self::Synchronise,
        Self::LookAtFlags,
        Self::MarkRead,
        Self::Update,
        Self::Delete,
        Self::Copy,
        Self::Move,
        Self::Search,
        Self::Measure,
        Self::Download,
        Self::Append,
        Self::Complete,
        Self::CreateFolder,
        Self::RenameFolder,
        Self::MoveFolder,
        Self::DeleteFolder,
        Self::Submit,
        Self::FindCopy,
        Self::RemoveCopy,
        Self::SweepOutbox,
    ];

    /// What it is called in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::ListFolders => "list folders",
            Self::ReadEpoch => "read epoch",
            Self::NoteEpoch => "note epoch",
            Self::ReadQuota => "read quota",
            Self::ReadRights => "read rights",
            Self::Subscribe => "subscribe",
            Self::ReadMetadata => "read metadata",
            Self::Annotate => "annotate",
            Self::Synchronise => "synchronise",
            Self::LookAtFlags => "look at flags",
            Self::MarkRead => "mark read",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Copy => "copy",
            Self::Move => "move",
            Self::Search => "search",
            Self::Measure => "measure",
            Self::Download => "download",
            Self::Append => "append",
            Self::Complete => "complete",
            Self::CreateFolder => "create folder",
            Self::RenameFolder => "rename folder",
            Self::MoveFolder => "move folder",
            Self::DeleteFolder => "delete folder",
            Self::Submit => "submit",
            Self::FindCopy => "find copy",
            Self::RemoveCopy => "remove copy",
            Self::SweepOutbox => "sweep outbox",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_listed_once() {
        for (position, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, position);
        }
    }
}
