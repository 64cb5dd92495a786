use crate::ErrorCode;
use crate::id::FolderId;
use crate::property::{PropertyValue, TaggedValue, tags};
use crate::rop::{
    CreateFolderRequest, DeleteFolderRequest, MoveFolderRequest, OpenFolderRequest, RequestBody, ResponseBody, RopId,
    SetPropertiesRequest,
};

use super::link::{OnFailure, odd_answer};
use super::script::{Script, Slot};
use super::update::check_problems;
use super::{Mailbox, MailboxError};

/// DeleteFolderFlags: its messages and the folders in it go, too; they can be recovered.
const WITH_CONTENT: u8 = 0x01 | 0x04;

impl Mailbox {
    /// Makes a folder and returns its id. One Execute request.
    ///
    /// # Errors
    /// ecDuplicateName if there is one of that name. If the outcome is unknown, it may have been made.
    pub async fn create_folder(
        &self,
        parent: FolderId,
        name: &str,
        container_class: &str,
    ) -> Result<FolderId, MailboxError> {
        let mut script = self.inner.link.script();
        let parent = self.opened(&mut script, parent);
        let request = CreateFolderRequest {
            output_handle_index: 0,
            folder_type: CreateFolderRequest::GENERIC,
            use_unicode_strings: true,
            open_existing: false,
            reserved: 0,
            display_name: name.to_owned(),
            comment: String::new(),
        };
        let (folder, made) = script.open(parent, RequestBody::CreateFolder(request));
        let class = TaggedValue::new(tags::PidTagContainerClass, PropertyValue::String(container_class.to_owned()));
        let request = SetPropertiesRequest { property_values: vec![class] };
        let classed = script.rop(folder, RequestBody::SetProperties(request));
        script.release(folder);
        script.release(parent);
        // The folder is there when the first of them succeeds. Without its class it is one of mail all the same.
        let answers = self.inner.link.run_effect(&mut script, made, OnFailure::GoOn).await?;
        if let Err(error) = answers.answer(classed).and_then(check_problems) {
            tracing::debug!(%error, "a new folder did not get its class");
        }
        match answers.body(made)? {
            ResponseBody::CreateFolder(created) => Ok(created.folder_id),
            _ => Err(odd_answer(RopId::CREATE_FOLDER)),
        }
    }

    /// Moves a folder with all that is in it from `parent` to `target`, where it is called `name`. One Execute request.
    ///
    /// # Errors
    /// ecDuplicateName if there is one of that name. ecPartialCompletion if something was left behind. If the outcome is
    /// unknown, it may have been moved.
    pub async fn move_folder(
        &self,
        folder: FolderId,
        parent: FolderId,
        target: FolderId,
        name: &str,
    ) -> Result<(), MailboxError> {
        let mut script = self.inner.link.script();
        let (from, to) = (self.opened(&mut script, parent), self.opened(&mut script, target));
        let request = MoveFolderRequest {
            dest_handle_index: 0,
            want_asynchronous: false,
            use_unicode: true,
            folder_id: folder,
            new_folder_name: name.to_owned(),
        };
        let ticket = script.rop_with(from, to, RequestBody::MoveFolder(request));
        script.release(from);
        script.release(to);
        let answers = self.inner.link.run_effect(&mut script, ticket, OnFailure::Stop).await?;
        match answers.body(ticket)? {
            ResponseBody::MoveCopy(moved) if moved.partial_completion => Err(partial(RopId::MOVE_FOLDER)),
            _ => Ok(()),
        }
    }

    /// Deletes a folder of `parent` with all that is in it. One Execute request.
    ///
    /// # Errors
    /// ecPartialCompletion if something was left behind.
    pub async fn delete_folder(&self, folder: FolderId, parent: FolderId) -> Result<(), MailboxError> {
        let mut script = self.inner.link.script();
        let from = self.opened(&mut script, parent);
        let request = DeleteFolderRequest { delete_folder_flags: WITH_CONTENT, folder_id: folder };
        let ticket = script.rop(from, RequestBody::DeleteFolder(request));
        script.release(from);
        let answers = self.inner.link.run_effect(&mut script, ticket, OnFailure::Stop).await?;
        match answers.body(ticket)? {
            ResponseBody::PartialCompletion(deleted) if deleted.partial_completion => {
                Err(partial(RopId::DELETE_FOLDER))
            }
            _ => Ok(()),
        }
    }

    fn opened(&self, script: &mut Script<'_>, folder_id: FolderId) -> Slot {
        let store = script.known(&self.inner.logon);
        let request = OpenFolderRequest { output_handle_index: 0, folder_id, open_mode_flags: 0 };
        script.open(store, RequestBody::OpenFolder(request)).0
    }
}

fn partial(rop: RopId) -> MailboxError {
    MailboxError::Upstream { rop, code: ErrorCode::PARTIAL_COMPLETION }
}
