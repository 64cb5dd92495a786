//! ROPs on attachments ([MS-OXCROPS] 2.2.6.12 to 2.2.6.15, [MS-OXCMSG] 2.2.3.12 to 2.2.3.15).

use super::codec::wire_struct;

wire_struct! {
    /// RopOpenAttachment request ([MS-OXCROPS] 2.2.6.12.1).
    pub struct OpenAttachmentRequest {
        pub output_handle_index: u8,
        /// 0 read only, 1 read and write, 3 best access.
        pub open_attachment_flags: u8,
        /// PidTagAttachNumber.
        pub attachment_id: u32,
    }

    /// RopCreateAttachment request ([MS-OXCROPS] 2.2.6.13.1).
    pub struct CreateAttachmentRequest {
        pub output_handle_index: u8,
    }

    /// RopCreateAttachment response ([MS-OXCROPS] 2.2.6.13.2).
    pub struct CreateAttachmentResponse {
        pub attachment_id: u32,
    }

    /// RopDeleteAttachment request ([MS-OXCROPS] 2.2.6.14.1).
    pub struct DeleteAttachmentRequest {
        pub attachment_id: u32,
    }

    /// RopSaveChangesAttachment request ([MS-OXCROPS] 2.2.6.15.1); the head's index is the response handle index, that
    /// of the message.
    pub struct SaveChangesAttachmentRequest {
        /// The attachment.
        pub input_handle_index: u8,
        /// As in [`super::SaveChangesMessageRequest::save_flags`].
        pub save_flags: u8,
    }
}
