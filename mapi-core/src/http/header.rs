//! Names and fixed values of the HTTP headers ([MS-OXCMAPIHTTP] 2.2.3). Names compare without case.

/// Content-Type of requests, and of responses whose body is binary.
pub const CONTENT_TYPE_MAPI: &str = "application/mapi-http";
/// Content-Type of responses with a non-zero [`X_RESPONSE_CODE`].
pub const CONTENT_TYPE_DIAGNOSTIC: &str = "text/html";

/// What is asked for; see [`super::RequestType`].
pub const X_REQUEST_TYPE: &str = "X-RequestType";
/// See [`super::RequestId`].
pub const X_REQUEST_ID: &str = "X-RequestId";
/// See [`super::ClientInfo`].
pub const X_CLIENT_INFO: &str = "X-ClientInfo";
/// Product and version of the client, in the shape of `Outlook/16.0.10000.20000`; servers gate features on it.
pub const X_CLIENT_APPLICATION: &str = "X-ClientApplication";
/// Product and version of the server.
pub const X_SERVER_APPLICATION: &str = "X-ServerApplication";
/// See [`super::ResponseCode`]. Repeated among the additional headers, the later one wins.
pub const X_RESPONSE_CODE: &str = "X-ResponseCode";
/// Milliseconds between PENDING keep-alives.
pub const X_PENDING_PERIOD: &str = "X-PendingPeriod";
/// Milliseconds of idle time until the server drops the session context.
pub const X_EXPIRATION_INFO: &str = "X-ExpirationInfo";
/// Additional header: how long the request took, in milliseconds.
pub const X_ELAPSED_TIME: &str = "X-ElapsedTime";
/// Additional header: when the request began.
pub const X_START_TIME: &str = "X-StartTime";
/// Cookies of the session context, to the server.
pub const COOKIE: &str = "Cookie";
/// One cookie, from the server.
pub const SET_COOKIE: &str = "Set-Cookie";
/// Says to Autodiscover that the client speaks MAPI/HTTP ([MS-OXDSCLI] 2.2.2.1).
pub const X_MAPI_HTTP_CAPABILITY: &str = "X-MapiHttpCapability";

/// X-PendingPeriod of a server that does not tell one, in milliseconds ([MS-OXCMAPIHTTP] 2.2.3.3.5).
pub const DEFAULT_PENDING_PERIOD: u32 = 30_000;
