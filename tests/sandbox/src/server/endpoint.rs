//! The two endpoints.

use std::sync::Arc;

use http::Response;
use mapi_core::http::{Endpoint, Failure, RequestType};

use super::answer::AnyBody;
use super::request::{Instead, MapiRequest};
use super::{Service, mailbox, nspi};

impl Service {
    /// Answers a request of an endpoint.
    pub async fn answer(self: Arc<Self>, endpoint: Endpoint, request: MapiRequest) -> Response<AnyBody> {
        if let Some(Instead::Status(status)) = request.instead
            && request.kind != RequestType::Ping
        {
            // A server that is too busy does not even look whose context it is.
            return mailbox::finish(&self, request, Failure { status }.encode());
        }
        match endpoint {
            Endpoint::Mailbox => mailbox::handle(self, request).await,
            Endpoint::AddressBook => nspi::handle(self, request).await,
        }
    }
}
