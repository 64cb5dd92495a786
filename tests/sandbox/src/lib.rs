//! An Exchange sandbox: a MAPI/HTTP server over a small real mailbox store.
