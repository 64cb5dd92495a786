use mapi_core::ErrorCode;

/// What the store answers.
pub type StoreResult<T> = Result<T, ErrorCode>;
