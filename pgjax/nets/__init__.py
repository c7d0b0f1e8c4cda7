"""Networks by the names that configs use; their dataclass fields are the options of a row."""

from pgjax.nets import critics, deformable, patch, patn, pdig, pg2, varigan, vdg

NETS = {
    "pg2_g1": pg2.G1,
    "pg2_g2": pg2.G2,
    "dcgan_critic": critics.DCGANCritic,
    "deformable": deformable.Generator,
    "patch_critic": patch.PatchCritic,
    "patn": patn.Generator,
    "residual_critic": patn.ResidualCritic,
    "pdig": pdig.Generator,
    "pdig_poses": pdig.PoseAutoEncoder,
    "pdig_mapping": pdig.Mapping,
    "pdig_mapping_critic": pdig.EmbeddingCritic,
    "varigan_coarse": varigan.Coarse,
    "varigan_fine": varigan.Fine,
    "vdg_stage1": vdg.Stage1,
    "vdg_stage2": vdg.Stage2,
}
"""Flax modules. Generators are called with (scene, images, train), critics with (scene, image, train)."""

NO_IMAGES = {"pdig_poses", "pdig_mapping"}
"""Generators whose output (B, ...) is something else than an image, such as a code for later networks."""

OVER_BATCH = {"dcgan_critic", "patn", "residual_critic"}
"""Those that normalise over the whole batch: it cannot go through in parts."""

TERMS_OF: dict[str, tuple[str, ...]] = {"varigan_coarse": ("kl",)}
"""Generators that compute terms themselves (layers.OWN_TERMS), and the names of these."""

BY_VIEW = {"varigan_coarse"}
"""Generators that are told the target's view, and no pose."""

LATENT = {"pdig_mapping", "varigan_coarse"}
"""Generators that draw a latent by the scene's keys: noise, as dropout is."""
