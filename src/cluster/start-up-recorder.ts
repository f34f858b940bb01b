import type { ClusterPlan } from '../plan/types.ts';
import type { ServiceMoments, StartUp } from './start-up.ts';
import { servicesOf } from './target.ts';

/** Collects when things happened while a cluster gets ready. */
export interface StartUpRecorder {
  /** Everything is there that units are made of; again, when what came in between was something else. */
  imagesThere(): void;
  /** The runtime is asked for the first unit. */
  asked(): void;
  started(unit: string): void;
  /** @param ms when it was asked, or said that it had just become ready; of `performance.now()` */
  notReady(service: string, ms: number): void;
  ready(service: string): void;
  /** All is ready. */
  finish(plan: ClusterPlan): StartUp;
}

export function createStartUpRecorder(): StartUpRecorder {
  let imagesMs = performance.now();
  let askedMs: number | undefined;
  const started = new Map<string, number>();
  const notReady = new Map<string, number>();
  const ready = new Map<string, number>();
  return {
    imagesThere() {
      imagesMs = performance.now();
    },
    asked() {
      askedMs ??= performance.now();
    },
    started: (unit) => void started.set(unit, performance.now()),
    notReady: (service, ms) => void notReady.set(service, ms),
    ready: (service) => void ready.set(service, performance.now()),
    finish(plan) {
      const services = plan.nodes.flatMap((node) =>
        servicesOf(node).flatMap((service): ServiceMoments[] => {
          const id = `${node.name}/${service.component}`;
          const readyMs = ready.get(id);
          if (readyMs === undefined) return [];
          const unit = node.units.find(({ services }) => services.includes(service));
          const { component, after } = service;
          const startedMs = unit && started.get(unit.id);
          return [{ id, component, after, startedMs, notReadyMs: notReady.get(id), readyMs }];
        }),
      );
      return { imagesMs, askedMs: Math.max(askedMs ?? imagesMs, imagesMs), readyMs: performance.now(), services };
    },
  };
}
