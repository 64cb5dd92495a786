use std::borrow::Cow;

use mapi_core::message::PropertyBag;
use mapi_core::property::{PropertyKey, PropertyTag, PropertyValue};

use super::super::Mailbox;
use super::super::message::canonical;
use super::{Properties, in_kind, stored};

/// A bag with nothing computed: recipients, attachments, address book entries.
#[derive(Clone, Copy)]
pub struct BagView<'a> {
    /// The mailbox whose named property ids count.
    pub mailbox: &'a Mailbox,
    /// The properties.
    pub bag: &'a PropertyBag,
}

impl Properties for BagView<'_> {
    fn value(&self, tag: PropertyTag) -> Option<Cow<'_, PropertyValue>> {
        stored(self.mailbox, self.bag, canonical(tag)).map(|value| in_kind(value, tag))
    }

    fn keys(&self) -> Vec<PropertyKey> {
        self.bag.iter().map(|(key, _)| key.clone()).collect()
    }
}
