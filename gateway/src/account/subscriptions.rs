use super::Account;
use crate::convert::subscriptions::{Edit, Subscriptions};
use crate::line::error::UpstreamError;
use crate::mailbox::tree::FolderTree;

impl Account {
    /// Subscribes a name, or takes that back. The mailbox keeps it, for every gateway.
    ///
    /// Only names of folders can be subscribed, beside those that are already: a name that never was one is a mistake, of which
    /// nobody would be told otherwise (RFC 9051 6.3.7 leaves it to the server). Any name can be unsubscribed.
    ///
    /// Dropping the future may leave it undone or done.
    ///
    /// # Errors
    /// [`UpstreamError::Refused`] with ecNotFound for a name that can't be subscribed, or if the user may not write to the
    /// mailbox; [`UpstreamError::Limit`] if it keeps no more names.
    pub async fn subscribe(&self, name: &str, subscribed: bool) -> Result<(), UpstreamError> {
        let tree = self.mailbox.tree().await?;
        let is_folder = tree.named(name).is_some();
        if subscribed && !is_folder && !tree.list().subscribed_without_folder.iter().any(|gone| gone == name) {
            return Err(UpstreamError::no_such_folder());
        }
        let edits = |_: &Subscriptions| {
            if subscribed { Subscriptions::subscribing(name) } else { Subscriptions::unsubscribing(name, is_folder) }
        };
        self.change_subscriptions(&tree, edits).await
    }

    /// What a command on folders means for subscriptions. It is no reason to call the command failed, which has been carried
    /// out: at worst a folder counts as subscribed that should not.
    pub(super) async fn adjust_subscriptions(
        &self,
        tree: &FolderTree,
        edits_of: impl Fn(&Subscriptions) -> Vec<Edit> + Send,
    ) {
        if let Err(error) = self.change_subscriptions(tree, edits_of).await {
            tracing::info!(user = self.context().user(), %error, "the list of subscriptions could not be changed");
        }
    }

    async fn change_subscriptions(
        &self,
        tree: &FolderTree,
        edits_of: impl Fn(&Subscriptions) -> Vec<Edit> + Send,
    ) -> Result<(), UpstreamError> {
        let changed = self.context().change_subscriptions(edits_of, |name| tree.named(name).is_some()).await;
        self.mailbox.shape_changed();
        changed
    }
}
