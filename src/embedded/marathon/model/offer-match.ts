import type { AppDefinition, OfferRefusal } from '../../../protocols/marathon/types.ts';
import type { Offer, Resource } from '../../../protocols/mesos/types.ts';
import type { ModelConfig } from './config.ts';
import type { Placement } from './instance.ts';

/** What one instance takes of an offer. */
export interface OfferMatch {
  readonly kind: 'match';
  /** Resources in the form of the offer (role, reservation and allocation kept), ports included. */
  readonly resources: readonly Resource[];
  /** One entry per port definition or mapping, in their order; undefined where a mapping has no host port. */
  readonly hostPorts: readonly (number | undefined)[];
  readonly placement: Placement;
}

export interface OfferMismatch {
  readonly kind: 'refused';
  /** Every reason that was found, in funnel order; the first is the one that counts. */
  readonly reasons: readonly OfferRefusal[];
}

export interface MatchContext {
  readonly config: ModelConfig;
  /** Placements of the app's instances that are launched or about to be: active ones, on any agent. */
  readonly placed: readonly Placement[];
  readonly random: () => number;
  /** Milliseconds since 1970; offers of agents in maintenance are refused when the feature is on. */
  readonly now: number;
}

/** Tries whether one instance of the app fits into what is left of the offer. */
export function matchOffer(offer: Offer, app: AppDefinition, context: MatchContext): OfferMatch | OfferMismatch {
  throw new Error(`not built: ${offer} ${app} ${context}`);
}

/** The offer without what a match takes, for a further instance. */
export function remainingOffer(offer: Offer, match: OfferMatch): Offer {
  throw new Error(`not built: ${offer} ${match}`);
}
