import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LEAST, nextShare, type Strain, slowness } from '../../src/steps/backfill/throttle.ts';

const strain = fc.record({
  name: fc.constant('it'),
  says: fc.constant('it hurts'),
  leaves: fc.constantFrom(LEAST, 0.25, 0.5),
});
const share = fc.double({ min: LEAST, max: 1, noNaN: true });

it('does less beside any strain until what that leaves, and never less than the least', () => {
  fc.assert(
    fc.property(share, fc.array(strain, { minLength: 1 }), (before, strains: Strain[]) => {
      const bearable = Math.min(...strains.map(({ leaves }) => leaves));
      const after = nextShare(before, strains);
      if (before > bearable) expect(after).toBe(Math.max(bearable, before / 2));
      else expect(after).toBeLessThanOrEqual(bearable);
      expect(after).toBeGreaterThanOrEqual(LEAST);
      let settled = after;
      for (let round = 0; round < 16; round++) settled = nextShare(settled, strains);
      expect(settled).toBe(bearable);
      expect(slowness(after, strains)).toContain('it hurts');
    }),
  );
});

it('comes back by itself, more slowly than it went, to all of its work and no further', () => {
  fc.assert(
    fc.property(share, (before) => {
      let now = before;
      for (let round = 0; round < 15; round++) {
        const after = nextShare(now, []);
        expect(after).toBeGreaterThanOrEqual(now);
        expect(after - now).toBeLessThanOrEqual(now - nextShare(now, [{ name: '', says: '', leaves: LEAST }]) + 1 / 16);
        now = after;
      }
      expect(now).toBe(1);
      expect(slowness(now, [])).toBe('');
    }),
  );
});
