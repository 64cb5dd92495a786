use std::collections::BTreeMap;

use bytes::Bytes;

/// Values of metadata (RFC 5464 3.2) by the names of their entries, which are in lower case.
pub type Metadata = BTreeMap<String, Bytes>;
