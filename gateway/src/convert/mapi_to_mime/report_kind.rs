use mapi_core::message::MessageContent;
use mapi_core::property::tags;

use crate::convert::strings::filled;

/// What a report message tells ([MS-OXOMSG] 2.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReportKind {
    Failed,
    Delivered,
    Delayed,
    Displayed,
    Deleted,
}

/// The kind of report that the message class names (`REPORT.IPM.Note.NDR`, …).
pub(super) fn kind(message: &MessageContent) -> Option<ReportKind> {
    let class = filled(&message.properties, tags::PidTagMessageClass)?.trim().to_ascii_uppercase();
    let (_, suffix) = class.strip_prefix("REPORT.")?.rsplit_once('.')?;
    match suffix {
        "NDR" => Some(ReportKind::Failed),
        "DR" => Some(ReportKind::Delivered),
        "DELAYED" => Some(ReportKind::Delayed),
        "IPNRN" => Some(ReportKind::Displayed),
        "IPNNRN" => Some(ReportKind::Deleted),
        _ => None,
    }
}
