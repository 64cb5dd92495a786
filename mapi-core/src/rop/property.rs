//! ROPs on properties ([MS-OXCROPS] 2.2.8, [MS-OXCPRPT] 2.2).

use std::sync::Arc;

use crate::ErrorCode;
use crate::id::Guid;
use crate::property::{Form, PropertyName, PropertyRow, PropertyTag, TaggedValue};
use crate::wire::{Reader, WireResult, Writer};

use super::ResponseContext;
use super::codec::{Answer, Bool16, Codec, Count16, Size16Count16, Wire, list, wire_struct};
use super::folder::{get_null_destination, put_null_destination};

wire_struct! {
    /// RopGetPropertiesSpecific request ([MS-OXCROPS] 2.2.8.3.1).
    pub struct GetPropertiesSpecificRequest {
        /// Values above so many bytes come as errors; 0 is no limit but the answer's.
        pub property_size_limit: u16,
        pub want_unicode: bool as Bool16,
        /// A tag of type 0 is answered with the type that is stored.
        pub property_tags: Vec<PropertyTag> as Count16,
    }

    /// RopGetPropertiesAll request ([MS-OXCROPS] 2.2.8.4.1).
    pub struct GetPropertiesAllRequest {
        /// Values above so many bytes come as errors; 0 is no limit but the answer's.
        pub property_size_limit: u16,
        pub want_unicode: bool as Bool16,
    }

    /// RopGetPropertiesAll response ([MS-OXCROPS] 2.2.8.4.2).
    pub struct GetPropertiesAllResponse {
        /// Values that could not be had have a tag of type PtypErrorCode.
        pub property_values: Vec<TaggedValue> as Count16,
    }

    /// RopSetProperties and RopSetPropertiesNoReplicate request ([MS-OXCROPS] 2.2.8.6.1, 2.2.8.7.1).
    pub struct SetPropertiesRequest {
        pub property_values: Vec<TaggedValue> as Size16Count16,
    }

    /// A PropertyProblem ([MS-OXCDATA] 2.7): one property of a list that failed.
    pub struct PropertyProblem {
        /// Its position in the request.
        pub index: u16,
        pub property_tag: PropertyTag,
        pub error_code: ErrorCode,
    }

    /// Response of RopSetProperties, RopDeleteProperties and their NoReplicate forms ([MS-OXCROPS] 2.2.8.6.2 to
    /// 2.2.8.9.2). The other properties were changed.
    pub struct PropertyProblemsResponse {
        pub property_problems: Vec<PropertyProblem> as Count16,
    }

    /// RopDeleteProperties and RopDeletePropertiesNoReplicate request ([MS-OXCROPS] 2.2.8.8.1, 2.2.8.9.1).
    pub struct DeletePropertiesRequest {
        pub property_tags: Vec<PropertyTag> as Count16,
    }

    /// RopCopyTo request ([MS-OXCROPS] 2.2.8.12.1); the head's index is the source's.
    pub struct CopyToRequest {
        pub dest_handle_index: u8,
        pub want_asynchronous: bool,
        /// With recipients and attachments, or with what a folder holds.
        pub want_sub_objects: bool,
        /// 1 move, 2 do not overwrite.
        pub copy_flags: u8,
        pub excluded_tags: Vec<PropertyTag> as Count16,
    }

    /// RopCopyProperties request ([MS-OXCROPS] 2.2.8.11.1); the head's index is the source's.
    pub struct CopyPropertiesRequest {
        pub dest_handle_index: u8,
        pub want_asynchronous: bool,
        /// 1 move, 2 do not overwrite.
        pub copy_flags: u8,
        pub property_tags: Vec<PropertyTag> as Count16,
    }

    /// RopGetPropertyIdsFromNames request ([MS-OXCROPS] 2.2.8.1.1).
    pub struct GetPropertyIdsFromNamesRequest {
        /// 0 known names only, 2 map unknown ones.
        pub flags: u8,
        pub property_names: Vec<PropertyName> as Count16,
    }

    /// RopGetPropertyIdsFromNames response ([MS-OXCROPS] 2.2.8.1.2).
    pub struct GetPropertyIdsFromNamesResponse {
        /// One per name; 0 is not mapped.
        pub property_ids: Vec<u16> as Count16,
    }

    /// RopGetNamesFromPropertyIds request ([MS-OXCROPS] 2.2.8.2.1).
    pub struct GetNamesFromPropertyIdsRequest {
        pub property_ids: Vec<u16> as Count16,
    }

    /// RopGetNamesFromPropertyIds response ([MS-OXCROPS] 2.2.8.2.2).
    pub struct GetNamesFromPropertyIdsResponse {
        /// One per id.
        pub property_names: Vec<PropertyName> as Count16,
    }

    /// RopProgress request ([MS-OXCROPS] 2.2.8.13.1).
    pub struct ProgressRequest {
        pub want_cancel: bool,
    }

    /// RopProgress response ([MS-OXCROPS] 2.2.8.13.2), also the first answer to a ROP sent with WantAsynchronous.
    pub struct ProgressResponse {
        pub logon_id: u8,
        pub completed_task_count: u32,
        pub total_task_count: u32,
    }
}

impl GetPropertyIdsFromNamesRequest {
    /// Flags: give ids to names that have none yet.
    pub const CREATE: u8 = 0x02;
}

/// RopGetPropertiesSpecific response ([MS-OXCROPS] 2.2.8.3.2).
#[derive(Debug, Clone, PartialEq)]
pub struct GetPropertiesSpecificResponse {
    /// The tags of the request.
    pub columns: Arc<[PropertyTag]>,
    /// One value per tag.
    pub row: PropertyRow,
}

impl Answer for GetPropertiesSpecificResponse {
    fn get_answer(
        reader: &mut Reader<'_>,
        return_value: ErrorCode,
        context: &ResponseContext,
    ) -> WireResult<Option<Self>> {
        if !return_value.is_success() {
            return Ok(None);
        }
        let columns = context.columns();
        let row = PropertyRow::decode(reader, &columns, Form::Rop)?;
        Ok(Some(Self { columns, row }))
    }

    fn put_answer(&self, writer: &mut Writer, _: ErrorCode) {
        self.row.encode(writer, &self.columns, Form::Rop);
    }
}

/// RopCopyTo and RopCopyProperties response ([MS-OXCROPS] 2.2.8.11.2, 2.2.8.12.2).
#[derive(Debug, Clone, PartialEq)]
pub enum CopyPropertiesResponse {
    /// Success, but for these properties.
    Problems(Vec<PropertyProblem>),
    /// ReturnValue ecDstNullObject: DestHandleIndex of the request.
    NullDestination(u32),
}

impl Answer for CopyPropertiesResponse {
    fn get_answer(reader: &mut Reader<'_>, return_value: ErrorCode, _: &ResponseContext) -> WireResult<Option<Self>> {
        if let Some(index) = get_null_destination(reader, return_value)? {
            return Ok(Some(Self::NullDestination(index)));
        }
        if !return_value.is_success() {
            return Ok(None);
        }
        Count16::get(reader, "PropertyProblems").map(Self::Problems).map(Some)
    }

    fn put_answer(&self, writer: &mut Writer, return_value: ErrorCode) {
        match self {
            Self::Problems(problems) => Count16::put(problems, writer),
            Self::NullDestination(index) => put_null_destination(writer, return_value, Some(*index)),
        }
    }
}

/// RopQueryNamedProperties request ([MS-OXCROPS] 2.2.8.10.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryNamedPropertiesRequest {
    /// 1 no strings, 2 no numbers.
    pub query_flags: u8,
    /// Only names of this set.
    pub property_guid: Option<Guid>,
}

impl Wire for QueryNamedPropertiesRequest {
    const MIN_SIZE: usize = 2;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let query_flags = reader.u8("QueryFlags")?;
        let has_guid = reader.bool8("HasGuid")?;
        Ok(Self { query_flags, property_guid: if has_guid { Some(reader.guid("PropertyGuid")?) } else { None } })
    }

    fn put(&self, writer: &mut Writer) {
        writer.u8(self.query_flags).bool8(self.property_guid.is_some());
        if let Some(guid) = self.property_guid {
            writer.guid(guid);
        }
    }
}

/// RopQueryNamedProperties response ([MS-OXCROPS] 2.2.8.10.2).
#[derive(Debug, Clone, PartialEq)]
pub struct QueryNamedPropertiesResponse {
    /// Ids with their names.
    pub properties: Vec<(u16, PropertyName)>,
}

impl Wire for QueryNamedPropertiesResponse {
    const MIN_SIZE: usize = 2;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let ids: Vec<u16> = Count16::get(reader, "PropertyIds")?;
        let names: Vec<PropertyName> = list(reader, ids.len(), "PropertyNames")?;
        Ok(Self { properties: ids.into_iter().zip(names).collect() })
    }

    fn put(&self, writer: &mut Writer) {
        writer.len16(self.properties.len());
        for (id, _) in &self.properties {
            writer.u16(*id);
        }
        self.properties.iter().for_each(|(_, name)| name.encode(writer));
    }
}
