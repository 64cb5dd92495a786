use mail_core::message::one_line;
use mapi_core::id::{EntryId, OneOffEntryId};
use mapi_core::message::PropertyBag;
use mapi_core::property::{PropertyTag, tags};

use super::context::RenderContext;
use super::header::phrase;
use super::resolver::Resolution;
use crate::convert::ConvertError;
use crate::convert::strings::{filled, text, visible_ascii};

/// MAPI_DISTLIST-like entries: PidTagDisplayType 1 (DT_DISTLIST) and 5 (DT_PRIVATE_DISTLIST).
const PRIVATE_LIST_TYPE: &str = "MAPIPDL";

/// How somebody is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Smtp(String),
    /// The distinguished name of an address book entry.
    Directory(String),
    /// A list of the sender's own, whose members are not known.
    PrivateList,
    /// Another address type, or none.
    Other {
        kind: String,
        address: String,
    },
}

/// Somebody a header names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Party {
    pub(super) name: String,
    pub(super) route: Route,
}

/// The properties that tell who somebody is.
pub(super) struct PartyTags {
    name: PropertyTag,
    kind: PropertyTag,
    address: PropertyTag,
    smtp: PropertyTag,
    entry_id: PropertyTag,
}

pub(super) const SENDER: PartyTags = PartyTags {
    name: tags::PidTagSenderName,
    kind: tags::PidTagSenderAddressType,
    address: tags::PidTagSenderEmailAddress,
    smtp: tags::PidTagSenderSmtpAddress,
    entry_id: tags::PidTagSenderEntryId,
};

pub(super) const REPRESENTING: PartyTags = PartyTags {
    name: tags::PidTagSentRepresentingName,
    kind: tags::PidTagSentRepresentingAddressType,
    address: tags::PidTagSentRepresentingEmailAddress,
    smtp: tags::PidTagSentRepresentingSmtpAddress,
    entry_id: tags::PidTagSentRepresentingEntryId,
};

pub(super) const RECIPIENT: PartyTags = PartyTags {
    name: tags::PidTagDisplayName,
    kind: tags::PidTagAddressType,
    address: tags::PidTagEmailAddress,
    smtp: tags::PidTagSmtpAddress,
    entry_id: tags::PidTagRecipientEntryId,
};

impl Party {
    /// Who the properties name; `None` if they name nobody.
    pub(super) fn read(bag: &PropertyBag, tags: &PartyTags) -> Option<Self> {
        let name = text(bag, tags.name).map(|name| one_line(&name)).unwrap_or_default();
        let kind = filled(bag, tags.kind).map(|kind| kind.trim().to_ascii_uppercase()).unwrap_or_default();
        let address = filled(bag, tags.address).map(|address| address.trim().to_owned()).unwrap_or_default();
        let smtp = filled(bag, tags.smtp).filter(|smtp| smtp.contains('@'));
        let route = if let Some(smtp) = smtp {
            Route::Smtp(smtp.trim().to_owned())
        } else if (kind == "SMTP" || kind.is_empty()) && address.contains('@') {
            Route::Smtp(address)
        } else if kind == "EX" && !address.is_empty() {
            Route::Directory(address)
        } else if kind == PRIVATE_LIST_TYPE {
            Route::PrivateList
        } else if let Some(party) = bag.binary(tags.entry_id).and_then(Self::of_entry_id) {
            party.route
        } else {
            Route::Other { kind, address }
        };
        let nobody = name.is_empty() && matches!(&route, Route::Other { address, .. } if address.is_empty());
        (!nobody).then_some(Self { name, route })
    }

    /// Who an EntryID of a one-off or of the address book names.
    pub(super) fn of_entry_id(bytes: &[u8]) -> Option<Self> {
        match EntryId::decode(bytes).ok()? {
            EntryId::OneOff(OneOffEntryId { display_name, address_type, email_address: address, .. }) => {
                let route = match &address_type.to_ascii_uppercase()[..] {
                    "SMTP" if address.contains('@') => Route::Smtp(address),
                    "EX" if !address.is_empty() => Route::Directory(address),
                    _ => Route::Other { kind: address_type, address },
                };
                Some(Self { name: one_line(&display_name), route })
            }
            EntryId::AddressBook(id) if !id.x500_dn.is_empty() => {
                Some(Self { name: String::new(), route: Route::Directory(id.x500_dn) })
            }
            _ => None,
        }
    }

    /// The SMTP address, if there is one.
    pub(super) fn smtp(&self, context: &RenderContext<'_>) -> Result<Option<String>, ConvertError> {
        Ok(match &self.route {
            Route::Smtp(address) => Some(address.clone()),
            Route::Directory(dn) => match context.addresses.resolve(dn) {
                Resolution::Smtp(address) => Some(address),
                Resolution::NoAddress => Some(encapsulated("EX", dn, context.domain)),
                Resolution::Unknown => return Err(ConvertError::UnresolvedAddress(dn.clone())),
            },
            Route::PrivateList => None,
            Route::Other { address, .. } if address.is_empty() => None,
            Route::Other { kind, address } => Some(encapsulated(kind, address, context.domain)),
        })
    }

    /// As `mailbox` or, without an address that a header can show, as an empty `group` (RFC 5322 3.4).
    pub(super) fn render(&self, context: &RenderContext<'_>) -> Result<String, ConvertError> {
        let address = self.smtp(context)?.map(|address| one_line(&address).replace([' ', '<', '>', ',', ';'], ""));
        let name = if Some(&self.name) == address.as_ref() { "" } else { &self.name[..] };
        Ok(match address {
            Some(address) if address.is_ascii() => {
                let address = visible_ascii(&address);
                if name.is_empty() { address } else { format!("{} <{address}>", phrase(name)) }
            }
            // An address that ASCII can't hold is shown in the name (RFC 6857 3.1.8).
            Some(address) if name.is_empty() => format!("{}:;", phrase(&address)),
            Some(address) => format!("{}:;", phrase(&format!("{name} {address}"))),
            None if name.is_empty() => "undisclosed-recipients:;".to_owned(),
            None => format!("{}:;", phrase(name)),
        })
    }
}

/// The members of PidTagReplyRecipientEntries (FlatEntryList, [MS-OXCDATA] 2.3.3). What can't be read is left out.
pub(super) fn flat_entry_list(bytes: &[u8]) -> Vec<Party> {
    let mut parties = Vec::new();
    let word = |at: usize| -> Option<usize> {
        let bytes = bytes.get(at..at.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    let count = word(0).unwrap_or(0);
    let mut at = 8;
    for _ in 0..count {
        let Some(size) = word(at) else { break };
        let start = at + 4;
        let Some(entry) = start.checked_add(size).and_then(|end| bytes.get(start..end)) else { break };
        parties.extend(Party::of_entry_id(entry));
        at = start + size.next_multiple_of(4);
    }
    parties
}

/// An address of another type in the form of SMTP that Exchange uses, too: `IMCEAEX-…@domain`.
fn encapsulated(kind: &str, address: &str, domain: &str) -> String {
    let mut out = format!("IMCEA{}-", visible_ascii(kind).replace(['@', '-'], ""));
    for byte in address.bytes() {
        match byte {
            b'/' => out.push('_'),
            b if b.is_ascii_alphanumeric() || b == b'-' || b == b'=' => out.push(char::from(b)),
            b => out.push_str(&format!("+{b:02X}")),
        }
    }
    format!("{out}@{domain}")
}

#[cfg(test)]
mod tests {
    use mapi_core::property::PropertyValue;

    use super::super::resolver::ResolvedAddresses;
    use super::*;
    use crate::convert::mapi_to_mime::RenderLimits;

    fn rendered(name: &str, route: Route) -> Result<String, ConvertError> {
        let mut addresses = ResolvedAddresses::default();
        addresses.insert("/o=X/cn=Ann", Some("ann@x.test".into()));
        addresses.insert("/o=X/cn=gone", None);
        let limits = RenderLimits::default();
        let context = RenderContext { source_key: &[], addresses: &addresses, domain: "gw.test", limits };
        Party { name: name.into(), route }.render(&context)
    }

    #[test]
    fn every_route_has_a_form() {
        let smtp = |address: &str| Route::Smtp(address.into());
        let ex = |dn: &str| Route::Directory(dn.into());
        assert_eq!(rendered("A B", smtp("a@x")).as_deref(), Ok("A B <a@x>"));
        assert_eq!(rendered("a@x", smtp("a@x")).as_deref(), Ok("a@x"));
        assert_eq!(rendered("", smtp("a@x\r\nBcc: b@x")).as_deref(), Ok("a@xBcc:b@x"));
        assert_eq!(rendered("Ann", ex("/O=x/CN=ann")).as_deref(), Ok("Ann <ann@x.test>"));
        assert_eq!(rendered("", ex("/o=X/cn=gone")).as_deref(), Ok("IMCEAEX-_o=X_cn=gone@gw.test"));
        assert_eq!(rendered("", ex("/o=new")), Err(ConvertError::UnresolvedAddress("/o=new".into())));
        assert_eq!(rendered("My, list", Route::PrivateList).as_deref(), Ok("\"My, list\":;"));
        assert_eq!(rendered("Ü", smtp("ü@x")).as_deref(), Ok("=?utf-8?Q?=C3=9C_=C3=BC=40x?=:;"));
        let fax = Route::Other { kind: "FAX".into(), address: "+49 1".into() };
        assert_eq!(rendered("", fax).as_deref(), Ok("IMCEAFAX-+2B49+201@gw.test"));
    }

    #[test]
    fn sources_of_addresses() {
        let mut bag = PropertyBag::new();
        assert_eq!(Party::read(&bag, &SENDER), None);
        bag.set(tags::PidTagSenderEntryId, PropertyValue::Binary(OneOffEntryId::smtp("N", "n@x").to_bytes()));
        bag.set(tags::PidTagSenderName, PropertyValue::String("Name".into()));
        let smtp = |address: &str| Some(Party { name: "Name".into(), route: Route::Smtp(address.into()) });
        assert_eq!(Party::read(&bag, &SENDER), smtp("n@x"));
        bag.set(tags::PidTagSenderAddressType, PropertyValue::String("EX".into()));
        bag.set(tags::PidTagSenderEmailAddress, PropertyValue::String("/o=X".into()));
        let directory = Party { name: "Name".into(), route: Route::Directory("/o=X".into()) };
        assert_eq!(Party::read(&bag, &SENDER), Some(directory));
        bag.set(tags::PidTagSenderSmtpAddress, PropertyValue::String("s@x".into()));
        assert_eq!(Party::read(&bag, &SENDER), smtp("s@x"));
    }

    #[test]
    fn reply_lists() {
        let entries = [OneOffEntryId::smtp("A", "a@x").to_bytes(), OneOffEntryId::smtp("Bo", "b@x").to_bytes()];
        let mut list = vec![2, 0, 0, 0, 0, 0, 0, 0];
        for entry in &entries {
            list.extend(u32::try_from(entry.len()).expect("small").to_le_bytes());
            list.extend(entry);
            list.resize(list.len().next_multiple_of(4), 0);
        }
        let names: Vec<_> = flat_entry_list(&list).into_iter().map(|party| party.name).collect();
        assert_eq!(names, ["A", "Bo"]);
        assert_eq!(flat_entry_list(&list[..list.len() - 5]).len(), 1);
        assert_eq!(flat_entry_list(&[0xFF; 12]), []);
    }
}
