/// Which of the three serialisations of property values is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// ROP buffers ([MS-OXCDATA] 2.11.2): Booleans of one byte, binaries with 16-bit counts.
    Rop,
    /// FastTransfer streams ([MS-OXCFXICS] 2.2.4.1): Booleans of two bytes, everything variable with a 32-bit size.
    FastTransfer,
    /// Address book bodies ([MS-OXCMAPIHTTP] 2.2.1): a HasValue byte before strings, binaries and lists.
    Nspi,
}
