"""Where this runs. Imported for its side effect: the cluster's launcher reads the settings below from
here."""

import os

import rlcluster.launcher

SCRATCH = os.environ.get("CLUSTER_SCRATCH", "/scratch")
NODES = int(os.environ.get("CLUSTER_NODES", "2"))

rlcluster.launcher.register_site(scratch=SCRATCH, nodes=NODES, gpus_per_node=8)
