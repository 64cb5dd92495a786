use std::sync::Arc;

/// Counts a connection of a listener for as long as it is open: in the gauge `mapi_gateway_connections` and the counter
/// `mapi_gateway_connections_total`.
pub struct Counted(metrics::Gauge);

impl Counted {
    /// A connection of the listener with this name, of which there must be few.
    pub fn at(listener: &Arc<str>) -> Self {
        metrics::counter!("mapi_gateway_connections_total", "listener" => Arc::clone(listener)).increment(1);
        let open = metrics::gauge!("mapi_gateway_connections", "listener" => Arc::clone(listener));
        open.increment(1);
        Self(open)
    }

    /// A connection that was not let in.
    pub fn refused(listener: &Arc<str>) {
        metrics::counter!("mapi_gateway_connections_refused_total", "listener" => Arc::clone(listener)).increment(1);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
