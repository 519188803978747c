//! Other names of clusters, for kcp their paths: `root:orgs:acme` → cluster.

use std::{collections::HashMap, sync::Arc};

use crate::{ClusterKey, Epoch, ProviderName};

/// The younger engagement wins an alias; an older one cannot take it away again.
#[derive(Default)]
pub(crate) struct Aliases(HashMap<(ProviderName, Arc<str>), (ClusterKey, Epoch)>);

impl Aliases {
    pub(crate) fn claim(&mut self, key: &ClusterKey, epoch: Epoch, aliases: &[Arc<str>]) {
        for alias in aliases {
            let at = (key.provider.clone(), alias.clone());
            match self.0.get(&at) {
                Some((_, holder)) if *holder > epoch => {}
                _ => {
                    self.0.insert(at, (key.clone(), epoch));
                }
            }
        }
    }

    pub(crate) fn release(&mut self, key: &ClusterKey, epoch: Epoch, aliases: &[Arc<str>]) {
        for alias in aliases {
            let at = (key.provider.clone(), alias.clone());
            if self.0.get(&at).is_some_and(|(_, holder)| *holder == epoch) {
                self.0.remove(&at);
            }
        }
    }

    pub(crate) fn find(&self, provider: &ProviderName, alias: &str) -> Option<ClusterKey> {
        self.0.get(&(provider.clone(), alias.into())).map(|(key, _)| key.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f10_a_late_delete_of_the_older_cluster_keeps_the_alias_of_the_younger() {
        let (old, new) = (ClusterKey::new("core", "old"), ClusterKey::new("core", "new"));
        let path = [Arc::from("root:orgs:acme")];
        let mut aliases = Aliases::default();
        aliases.claim(&old, Epoch(1), &path);
        aliases.claim(&new, Epoch(2), &path);
        aliases.claim(&old, Epoch(1), &path);
        aliases.release(&old, Epoch(1), &path);
        assert_eq!(aliases.find(&"core".into(), "root:orgs:acme"), Some(new.clone()));
        aliases.release(&new, Epoch(2), &path);
        assert_eq!(aliases.find(&"core".into(), "root:orgs:acme"), None);
    }
}
