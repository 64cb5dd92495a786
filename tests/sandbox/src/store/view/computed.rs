//! Which properties of messages the store computes.

use mapi_core::property::PropertyTag;
use mapi_core::property::tags::*;

/// PidTagAccessLevel ([MS-OXCPRPT] 2.2.1.2).
pub const ACCESS_LEVEL: PropertyTag = PropertyTag(0x0FF7_0003);
/// PidTagInstID of table rows ([MS-OXCTABL] 2.2.1.1).
pub const INST_ID: PropertyTag = PropertyTag(0x674D_0014);
/// PidTagInstanceNum of table rows ([MS-OXCTABL] 2.2.1.2).
pub const INSTANCE_NUM: PropertyTag = PropertyTag(0x674E_0003);

/// Computed properties that downloads and GetPropertiesAll list.
pub const LISTED: [PropertyTag; 24] = [
    PidTagSubject,
    PidTagMessageFlags,
    PidTagMessageSize,
    PidTagHasAttachments,
    PidTagRead,
    PidTagDisplayTo,
    PidTagDisplayCc,
    PidTagDisplayBcc,
    PidTagCreationTime,
    PidTagLastModificationTime,
    PidTagLocalCommitTime,
    PidTagSearchKey,
    PidTagRecordKey,
    PidTagEntryId,
    PidTagParentEntryId,
    PidTagObjectType,
    PidTagAccess,
    ACCESS_LEVEL,
    PidTagNativeBody,
    PidTagInternetArticleNumber,
    PidTagMid,
    PidTagChangeKey,
    PidTagPredecessorChangeList,
    PidTagChangeNumber,
];

/// Computed properties that are answered but not listed.
pub const UNLISTED: [PropertyTag; 9] = [
    PidTagMessageStatus,
    PidTagMessageSizeExtended,
    PidTagInstanceKey,
    PidTagFolderId,
    PidTagSourceKey,
    PidTagParentSourceKey,
    PidTagAssociated,
    INST_ID,
    INSTANCE_NUM,
];

/// Whether the store computes this property of messages, so that clients cannot set it.
pub fn is_computed(tag: PropertyTag) -> bool {
    LISTED.contains(&tag) || UNLISTED.contains(&tag)
}
