use mapi_core::ErrorCode;
use mapi_core::id::FolderId;
use mapi_core::property::{PropertyTag, PropertyValue, RowValue, TaggedValue};
use mapi_core::rop::{
    CreateFolderRequest, DeleteFolderRequest, GetPropertiesSpecificRequest, OpenFolderRequest, RequestBody,
    ResponseBody, RopId, SetPropertiesRequest,
};

use super::super::Trouble;
use super::session::OUT;
use super::{Answer, Bench};

impl Bench {
    /// RopOpenFolder.
    pub(crate) async fn try_open_folder(&mut self, folder_id: FolderId) -> Result<Answer, Trouble> {
        let open = OpenFolderRequest { output_handle_index: OUT, folder_id, open_mode_flags: 0 };
        self.call(self.store, RequestBody::OpenFolder(open)).await
    }

    /// A handle of a folder that is there.
    pub(crate) async fn open_folder(&mut self, folder_id: FolderId) -> Result<u32, Trouble> {
        Ok(self.try_open_folder(folder_id).await?.ok()?.handle)
    }

    /// RopCreateFolder.
    pub(crate) async fn try_create_folder(
        &mut self,
        parent: u32,
        name: &str,
        open_existing: bool,
    ) -> Result<Answer, Trouble> {
        let create = CreateFolderRequest {
            output_handle_index: OUT,
            folder_type: CreateFolderRequest::GENERIC,
            use_unicode_strings: true,
            open_existing,
            reserved: 0,
            display_name: name.to_owned(),
            comment: String::new(),
        };
        self.call(parent, RequestBody::CreateFolder(create)).await
    }

    /// A new folder and a handle of it.
    pub(crate) async fn create_folder(&mut self, parent: u32, name: &str) -> Result<(FolderId, u32), Trouble> {
        let answer = self.try_create_folder(parent, name, false).await?.ok()?;
        match &answer.body {
            ResponseBody::CreateFolder(made) => Ok((made.folder_id, answer.handle)),
            _ => answer.odd(),
        }
    }

    /// RopDeleteFolder.
    pub(crate) async fn delete_folder(
        &mut self,
        parent: u32,
        folder_id: FolderId,
        delete_folder_flags: u8,
    ) -> Result<Answer, Trouble> {
        let delete = DeleteFolderRequest { delete_folder_flags, folder_id };
        self.call(parent, RequestBody::DeleteFolder(delete)).await
    }

    /// Deletes a folder with everything in it, beyond recovery.
    pub(crate) async fn remove_folder(&mut self, parent: u32, folder: FolderId) -> Result<(), Trouble> {
        const EVERYTHING: u8 = 0x15;
        for _ in 0..3 {
            self.delete_folder(parent, folder, EVERYTHING).await?;
            if self.try_open_folder(folder).await?.code != ErrorCode::NONE {
                return Ok(());
            }
        }
        Err(Trouble::Refused { rop: RopId::DELETE_FOLDER, code: ErrorCode::PARTIAL_COMPLETION })
    }

    /// Properties of an object.
    pub(crate) async fn get(&mut self, handle: u32, tags: &[PropertyTag]) -> Result<Vec<RowValue>, Trouble> {
        let request =
            GetPropertiesSpecificRequest { property_size_limit: 0, want_unicode: true, property_tags: tags.to_vec() };
        let answer = self.call(handle, RequestBody::GetPropertiesSpecific(request)).await?.ok()?;
        match answer.body {
            ResponseBody::GetPropertiesSpecific(got) => Ok(got.row.values),
            _ => answer.odd(),
        }
    }

    /// One property of an object.
    pub(crate) async fn get_one(&mut self, handle: u32, tag: PropertyTag) -> Result<Option<PropertyValue>, Trouble> {
        Ok(self.get(handle, &[tag]).await?.pop().and_then(RowValue::into_value))
    }

    /// Properties of a folder, by its id.
    pub(crate) async fn folder_properties(
        &mut self,
        folder: FolderId,
        tags: &[PropertyTag],
    ) -> Result<Vec<RowValue>, Trouble> {
        let handle = self.open_folder(folder).await?;
        let values = self.get(handle, tags).await;
        self.release(handle).await?;
        values
    }

    /// RopSetProperties; how many properties were refused, too.
    pub(crate) async fn set(
        &mut self,
        handle: u32,
        property_values: Vec<TaggedValue>,
    ) -> Result<(ErrorCode, usize), Trouble> {
        let request = RequestBody::SetProperties(SetPropertiesRequest { property_values });
        let answer = self.call(handle, request).await?;
        match &answer.body {
            ResponseBody::PropertyProblems(list) => Ok((answer.code, list.property_problems.len())),
            _ => Ok((answer.code, 0)),
        }
    }
}
