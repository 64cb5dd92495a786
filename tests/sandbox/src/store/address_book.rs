use std::borrow::Cow;

use mapi_core::ErrorCode;
use mapi_core::message::PropertyBag;
use mapi_core::property::tags::*;
use mapi_core::property::{PropertyKey, PropertyRow, PropertyTag, PropertyType, PropertyValue, Restriction, RowValue};

use super::restrict::matches;
use super::view::{BagView, Properties, in_kind};
use super::{Mailbox, Store, User};
use crate::Manners;

/// PidTagAddressBookProxyAddresses ([MS-OXOABK] 2.2.3.23).
const PROXY_ADDRESSES: PropertyTag = PropertyTag(0x800F_101F);
/// MIds below this have other meanings ([MS-OXNSPI] 2.2.9.1).
const FIRST_MID: u32 = 0x10;

/// The address book: every user of the store, in the order of their names.
pub struct AddressBook<'a> {
    store: &'a Store,
    order: Vec<usize>,
}

/// One user as the address book shows it.
pub struct AddressEntry<'a> {
    /// MId.
    pub mid: u32,
    user: &'a User,
    mailbox: &'a Mailbox,
    bag: PropertyBag,
}

impl<'a> AddressBook<'a> {
    /// The address book of a store.
    pub fn new(store: &'a Store) -> Self {
        let mut order: Vec<usize> = (0..store.users().len()).collect();
        order.sort_by_key(|index| store.users().get(*index).map(|user| user.display_name.to_lowercase()));
        Self { store, order }
    }

    /// The manners of the server.
    pub fn manners(&self) -> &Manners {
        self.store.manners()
    }

    /// Every entry, by display name.
    pub fn entries(&self) -> impl Iterator<Item = AddressEntry<'a>> {
        self.order.iter().filter_map(|index| self.entry(mid_of(*index)))
    }

    /// The entry with an MId.
    pub fn entry(&self, mid: u32) -> Option<AddressEntry<'a>> {
        let index = usize::try_from(mid.checked_sub(FIRST_MID)?).ok()?;
        let user = self.store.users().get(index)?;
        let mailbox = self.store.mailbox(index)?;
        Some(AddressEntry { mid, user, mailbox, bag: properties(user, mid) })
    }

    /// The MId of a legacyExchangeDN.
    pub fn by_dn(&self, dn: &str) -> Option<u32> {
        self.store.user_by_dn(dn).map(mid_of)
    }

    /// The entries that a name may mean: `=SMTP:a@b` and `SMTP:a@b` exactly, others as addresses, names or their
    /// beginnings.
    pub fn resolve(&self, name: &str) -> Vec<AddressEntry<'a>> {
        let exact = name.strip_prefix('=').unwrap_or(name);
        let smtp = exact.get(..5).filter(|prefix| prefix.eq_ignore_ascii_case("smtp:")).and_then(|_| exact.get(5..));
        match smtp {
            Some(address) => {
                self.store.user_index(address).and_then(|index| self.entry(mid_of(index))).into_iter().collect()
            }
            None if name.starts_with('=') => {
                self.entries().filter(|entry| entry.user.display_name.eq_ignore_ascii_case(exact)).collect()
            }
            None => self.entries().filter(|entry| entry.is_meant_by(name)).collect(),
        }
    }
}

impl AddressEntry<'_> {
    /// Whether an ambiguous name may mean this entry.
    fn is_meant_by(&self, name: &str) -> bool {
        let name = name.trim().to_lowercase();
        let display = self.user.display_name.to_lowercase();
        !name.is_empty()
            && (self.user.has_address(&name)
                || self.user.legacy_dn.eq_ignore_ascii_case(&name)
                || display.starts_with(&name)
                || display.split_whitespace().any(|word| word.starts_with(&name))
                || self.user.address.split('@').next() == Some(name.as_str()))
    }

    /// Whether the entry matches a filter; PidTagAnr compares as ambiguous names do.
    pub fn matches(&self, filter: &Restriction) -> bool {
        match filter {
            Restriction::And(list) => list.iter().all(|inner| self.matches(inner)),
            Restriction::Or(list) => list.iter().any(|inner| self.matches(inner)),
            Restriction::Not(inner) => !self.matches(inner),
            Restriction::Property { tag, value, .. } | Restriction::Content { tag, value, .. }
                if tag.id() == PidTagAnr.id() =>
            {
                match &value.value {
                    PropertyValue::String(name) => self.is_meant_by(name),
                    PropertyValue::String8(name) => self.is_meant_by(&String::from_utf8_lossy(name)),
                    _ => false,
                }
            }
            other => matches(other, self.mailbox, self),
        }
    }

    /// The entry's row over `columns`; missing properties are errors.
    pub fn row(&self, columns: &[PropertyTag]) -> PropertyRow {
        PropertyRow::new(columns.iter().map(|tag| self.column(*tag)).collect())
    }

    /// One property, or the error that stands for it.
    pub fn column(&self, tag: PropertyTag) -> RowValue {
        match self.value(tag) {
            Some(value) => RowValue::Value(value.into_owned()),
            None => RowValue::Error(ErrorCode::NOT_FOUND.0),
        }
    }

    /// The tags of its properties.
    pub fn tags(&self) -> Vec<PropertyTag> {
        let tag = |key: PropertyKey| match key {
            PropertyKey::Tag(tag) => Some(tag),
            PropertyKey::Named(..) => None,
        };
        self.keys().into_iter().filter_map(tag).collect()
    }
}

impl Properties for AddressEntry<'_> {
    fn value(&self, tag: PropertyTag) -> Option<Cow<'_, PropertyValue>> {
        // The ids of the address book above 0x8000 are its own, no mailbox maps them.
        if tag.id() == PROXY_ADDRESSES.id() {
            return self.bag.get(PROXY_ADDRESSES).map(|value| in_kind(Cow::Borrowed(value), tag));
        }
        if tag.kind() == PropertyType::OBJECT {
            return None;
        }
        let bag = BagView { mailbox: self.mailbox, bag: &self.bag };
        bag.value(tag).map(|value| Cow::Owned(value.into_owned()))
    }

    fn keys(&self) -> Vec<PropertyKey> {
        self.bag.iter().map(|(key, _)| key.clone()).collect()
    }
}

fn mid_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX - FIRST_MID) + FIRST_MID
}

fn properties(user: &User, mid: u32) -> PropertyBag {
    let text = |text: &str| PropertyValue::String(text.to_owned());
    let account = user.address.split('@').next().unwrap_or_default();
    let primary = format!("SMTP:{}", user.address);
    let proxies = std::iter::once(primary).chain(user.aliases.iter().map(|alias| format!("smtp:{alias}")));
    PropertyBag::from_iter([
        (PidTagEntryId, PropertyValue::Binary(user.entry_id())),
        (PidTagRecordKey, PropertyValue::Binary(user.entry_id())),
        (PidTagInstanceKey, PropertyValue::Binary(mid.to_le_bytes().to_vec())),
        (PidTagSearchKey, PropertyValue::Binary(user.search_key())),
        (PidTagDisplayName, text(&user.display_name)),
        (PidTagTransmittableDisplayName, text(&user.display_name)),
        (PidTagAddressType, text("EX")),
        (PidTagEmailAddress, text(&user.legacy_dn)),
        (PidTagSmtpAddress, text(&user.address)),
        (PidTagAccount, text(account)),
        (PidTagObjectType, PropertyValue::Integer32(6)),
        (PidTagDisplayType, PropertyValue::Integer32(0)),
        (PidTagDisplayTypeEx, PropertyValue::Integer32(0x4000_0000)),
        (PROXY_ADDRESSES, PropertyValue::MultipleString(proxies.collect())),
    ])
}
