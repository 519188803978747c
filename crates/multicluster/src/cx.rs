//! What a reconcile gets beside its object.

use std::{ops::Deref, sync::Arc};

use kube::Client;
use runtime::{Clock, Stop};

use crate::{Cluster, ClusterObjectRef, Fence, Fleet, ObjectKey};

/// The context of one reconcile: dereferences to the application's own context `C`.
pub struct Cx<C> {
    pub(crate) app: Arc<C>,
    pub(crate) cluster: Cluster,
    pub(crate) fleet: Fleet,
    pub(crate) object: ObjectKey,
    pub(crate) attempt: u32,
    pub(crate) cancelled: Stop,
    pub(crate) fence: Option<Fence>,
    pub(crate) controller: &'static str,
}

impl<C> Clone for Cx<C> {
    fn clone(&self) -> Self {
        Cx {
            app: self.app.clone(),
            cluster: self.cluster.clone(),
            fleet: self.fleet.clone(),
            object: self.object.clone(),
            attempt: self.attempt,
            cancelled: self.cancelled.clone(),
            fence: self.fence.clone(),
            controller: self.controller,
        }
    }
}

impl<C> Deref for Cx<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.app
    }
}

impl<C> Cx<C> {
    /// A context outside of a controller, for testing reconcilers.
    pub fn detached(app: Arc<C>, fleet: Fleet, cluster: Cluster, object: ObjectKey) -> Self {
        Cx {
            app,
            cluster,
            fleet,
            object,
            attempt: 0,
            cancelled: Stop::new(),
            fence: None,
            controller: "detached",
        }
    }

    /// The application's context.
    pub fn app(&self) -> &Arc<C> {
        &self.app
    }

    /// The cluster of the object.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// A client for the cluster of the object.
    pub fn client(&self) -> Client {
        self.cluster.client()
    }

    /// All clusters.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The clock of the fleet.
    pub fn clock(&self) -> &Clock {
        self.fleet.clock()
    }

    /// Key of the object in its cluster.
    pub fn object(&self) -> &ObjectKey {
        &self.object
    }

    /// Cluster and key of the object.
    pub fn object_ref(&self) -> ClusterObjectRef {
        self.cluster.object(self.object.clone())
    }

    /// Failures in a row before this run.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The controller's name.
    pub fn controller(&self) -> &'static str {
        self.controller
    }

    /// The right to work on this cluster. Check [`Fence::is_held`] right before a write outside of Kubernetes that must not meet another
    /// replica's. None in a detached context.
    pub fn fence(&self) -> Option<&Fence> {
        self.fence.as_ref()
    }

    /// Given when the reconcile should end: its cluster went, or the process stops.
    pub fn cancelled(&self) -> &Stop {
        &self.cancelled
    }
}
