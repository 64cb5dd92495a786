use mapi_core::fasttransfer::{Marker, StreamWriter};
use mapi_core::property::tags::*;

use super::Step;
use crate::store::view::Properties;
use crate::store::{Mailbox, StoreResult};

/// The steps of topFolder ([MS-OXCFXICS] 2.2.4.3.24): the folder, its messages, and its subfolders if `recursive`.
///
/// # Errors
/// `ecNotFound`.
pub fn folder_steps(mailbox: &Mailbox, id: u64, recursive: bool) -> StoreResult<Vec<Step>> {
    let mut steps = Vec::new();
    one(mailbox, id, Marker::StartTopFld, recursive, &mut steps)?;
    Ok(steps)
}

fn one(mailbox: &Mailbox, id: u64, start: Marker, recursive: bool, steps: &mut Vec<Step>) -> StoreResult<()> {
    let view = mailbox.folder_view(id)?;
    let mut head = StreamWriter::new();
    head.marker(start);
    for tag in [PidTagFolderId, PidTagDisplayName, PidTagComment, PidTagContainerClass] {
        if let Some(value) = view.value(tag) {
            head.tagged(tag, value.into_owned());
        }
    }
    steps.push(Step::Ready(head.into_source()));
    let messages = view.folder.associated.iter().chain(&view.folder.messages);
    steps.extend(messages.map(|id| Step::Message { id: *id }));
    if recursive {
        for child in mailbox.children(id) {
            one(mailbox, child.id, Marker::StartSubFld, true, steps)?;
        }
    }
    let mut end = StreamWriter::new();
    end.marker(Marker::EndFolder);
    steps.push(Step::Ready(end.into_source()));
    Ok(())
}
