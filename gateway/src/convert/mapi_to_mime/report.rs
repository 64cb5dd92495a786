use mail_core::message::one_line;
use mapi_core::message::{MessageContent, PropertyBag};
use mapi_core::property::{PropertyTag, PropertyType, tags};

use super::address::{Party, RECIPIENT, SENDER};
use super::body::{self, Body};
use super::context::RenderContext;
use super::date;
use super::entity::Entity;
use super::header::Header;
use super::report_kind::{ReportKind, kind};
use crate::convert::ConvertError;
use crate::convert::strings::{filled, string_tag, text, visible_ascii};

const PID_TAG_NON_DELIVERY_REPORT_STATUS_CODE: PropertyTag = PropertyTag::new(0x0C20, PropertyType::INTEGER32);
const PID_TAG_SUPPLEMENTARY_INFO: PropertyTag = string_tag(0x0C1B);
const PID_TAG_ORIGINAL_MESSAGE_ID: PropertyTag = string_tag(0x1046);
const PID_TAG_REPORT_TIME: PropertyTag = PropertyTag::new(0x0032, PropertyType::TIME);

/// A report under construction: everything but the attachments.
pub(super) struct Report<'a> {
    report_type: &'static str,
    status_type: &'static str,
    text: Entity<'a>,
    status: Entity<'a>,
}

/// The report that `message` is, if it is one; `body` is what it tells people.
pub(super) fn entity<'a>(
    message: &'a MessageContent,
    body: &Body<'a>,
    context: &RenderContext<'_>,
) -> Result<Option<Report<'a>>, ConvertError> {
    let Some(kind) = kind(message) else { return Ok(None) };
    let bag = &message.properties;
    let mut out = Header::new();
    let (report_type, status_type) = match kind {
        ReportKind::Displayed | ReportKind::Deleted => {
            disposition(&mut out, bag, kind, context)?;
            ("disposition-notification", "message/disposition-notification")
        }
        _ => {
            delivery_status(&mut out, message, kind, context)?;
            ("delivery-status", "message/delivery-status")
        }
    };
    let mut header = Header::new();
    header.structured("Content-Type", status_type);
    let status = String::from_utf8_lossy(out.as_bytes()).into_owned();
    let status = Entity::text(header, status.into());
    let text = match text(bag, tags::PidTagReportText).filter(|_| body.is_empty()) {
        Some(text) => {
            let mut header = Header::new();
            header.structured("Content-Type", "text/plain; charset=utf-8");
            Entity::text(header, body::lines(text))
        }
        None => body.clone().into_entity(),
    };
    Ok(Some(Report { report_type, status_type, text, status }))
}

impl<'a> Report<'a> {
    /// The whole report with the attachments, among which normally the original message is.
    pub(super) fn with(self, others: Vec<Entity<'a>>, inline: Vec<Entity<'a>>) -> Entity<'a> {
        let mut parts = vec![self.text];
        // A report that came by Internet mail may hold the status as it was written.
        if !others.iter().any(|part| part.media_type() == self.status_type) {
            parts.push(self.status);
        }
        parts.extend(others);
        parts.extend(inline);
        Entity::multipart("report", format!("report-type={}", self.report_type), parts)
    }
}

/// RFC 3464 2
fn delivery_status(
    out: &mut Header,
    message: &MessageContent,
    kind: ReportKind,
    context: &RenderContext<'_>,
) -> Result<(), ConvertError> {
    out.structured("Reporting-MTA", &format!("dns; {}", visible_ascii(context.domain)));
    if let Some(date) = message.properties.time(PID_TAG_REPORT_TIME).and_then(date::format) {
        out.structured("Arrival-Date", &date);
    }
    let (action, default) = match kind {
        ReportKind::Delivered => ("delivered", "2.0.0"),
        ReportKind::Delayed => ("delayed", "4.0.0"),
        _ => ("failed", "5.0.0"),
    };
    for row in &message.recipients {
        let Some(address) = recipient_address(row, context)? else { continue };
        out.lines(b"\r\n");
        out.structured("Final-Recipient", &format!("rfc822; {address}"));
        out.structured("Action", action);
        out.structured("Status", &status_code(row).unwrap_or_else(|| default.to_owned()));
        if let Some(info) = filled(row, PID_TAG_SUPPLEMENTARY_INFO) {
            let info: String = one_line(&info).chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
            out.structured("Diagnostic-Code", &format!("smtp; {info}"));
        }
    }
    Ok(())
}

fn recipient_address(row: &PropertyBag, context: &RenderContext<'_>) -> Result<Option<String>, ConvertError> {
    let address = match Party::read(row, &RECIPIENT) {
        Some(party) => party.smtp(context)?,
        None => None,
    };
    Ok(address.map(|address| visible_ascii(&address)))
}

/// The three digits of PidTagNonDeliveryReportStatusCode as `5.1.1`.
fn status_code(row: &PropertyBag) -> Option<String> {
    let code = row.integer(PID_TAG_NON_DELIVERY_REPORT_STATUS_CODE).filter(|code| (200..600).contains(code))?;
    Some(format!("{}.{}.{}", code / 100, code / 10 % 10, code % 10))
}

/// RFC 8098 3.1
fn disposition(
    out: &mut Header,
    bag: &PropertyBag,
    kind: ReportKind,
    context: &RenderContext<'_>,
) -> Result<(), ConvertError> {
    let sender = match Party::read(bag, &SENDER) {
        Some(party) => party.smtp(context)?,
        None => None,
    };
    if let Some(address) = sender {
        out.structured("Final-Recipient", &format!("rfc822; {}", visible_ascii(&address)));
    }
    if let Some(id) = filled(bag, PID_TAG_ORIGINAL_MESSAGE_ID) {
        out.structured("Original-Message-ID", &visible_ascii(&id));
    }
    let what = if kind == ReportKind::Displayed { "displayed" } else { "deleted" };
    out.structured("Disposition", &format!("manual-action/MDN-sent-manually; {what}"));
    Ok(())
}
